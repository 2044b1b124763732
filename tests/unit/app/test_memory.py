"""What is freed goes back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

_SCRIPT = """
import ctypes, sys
from altus4_desktop.app.window import give_large_blocks_back

class Figures(ctypes.Structure):
    # struct mallinfo2; hblks counts the blocks that the system was asked for.
    _fields_ = [(name, ctypes.c_size_t) for name in
        "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Figures
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
if sys.argv[1] == "ours":
    give_large_blocks_back()
libc.free(libc.malloc(8 << 20))
before = libc.mallinfo2().hblks
libc.malloc(1 << 20)
print(libc.mallinfo2().hblks - before)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallinfo2"),
    reason="of glibc",
)
@pytest.mark.parametrize(("whose", "own_blocks"), [("ours", "1"), ("left alone", "0")])
def test_a_large_block_lies_by_itself_after_a_larger_one_was_freed(
    whose: str, own_blocks: str
) -> None:
    found = subprocess.run(
        [sys.executable, "-c", _SCRIPT, whose], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == own_blocks
