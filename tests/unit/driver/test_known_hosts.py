"""What known_hosts files say, in every form OpenSSH writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from altus4_desktop.domain.connections import SshSettings, ssh_fingerprint
from altus4_desktop.driver.known_hosts import read_known_keys

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEX5iQFxbmQf8oSKvMWmXJIxXeTIWdcF4rW6mQ0vVJ7C"
OTHER = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7"


def keys(tmp_path: Path, text: str, host: str = "db.example.org", port: int = 22) -> frozenset[str]:
    file = tmp_path / "known_hosts"
    file.write_text(text, encoding="utf-8")
    return read_known_keys(SshSettings(host, "me", port, known_hosts_file=str(file))).accepted


@pytest.mark.parametrize(
    ("names", "host", "port"),
    [
        ("db.example.org", "db.example.org", 22),
        ("DB.example.org", "db.EXAMPLE.org", 22),
        ("other,db.example.org", "db.example.org", 22),
        ("[db.example.org]:2222", "db.example.org", 2222),
        ("*.example.org", "db.example.org", 22),
        ("d?.example.org", "db.example.org", 22),
        ("*.example.org,!web.example.org", "db.example.org", 22),
        ("2001:db8::1", "2001:db8::1", 22),
    ],
)
def test_names_that_match(tmp_path: Path, names: str, host: str, port: int) -> None:
    assert keys(tmp_path, f"# a remark\n\n{names} {KEY} comment\n", host, port) == {KEY}


@pytest.mark.parametrize(
    ("names", "port"),
    [
        ("db.example.org", 2222),
        ("[db.example.org]:2222", 22),
        ("db", 22),
        ("b.example.org", 22),
        ("*.example.org,!db.example.org", 22),
        ("|1|broken|hash", 22),
        ("|2|AAAA|AAAA", 22),
    ],
)
def test_names_that_do_not(tmp_path: Path, names: str, port: int) -> None:
    assert keys(tmp_path, f"{names} {KEY}\n", port=port) == frozenset()


def test_names_that_openssh_has_hashed(tmp_path: Path) -> None:
    file = tmp_path / "hashed"
    file.write_text(f"db.example.org {KEY}\n[db.example.org]:2222 {OTHER}\n", encoding="ascii")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, timeout=30)
    text = file.read_text("ascii")
    assert "example" not in text
    assert keys(tmp_path, text) == {KEY}
    assert keys(tmp_path, text, port=2222) == {OTHER}
    assert keys(tmp_path, text, host="web.example.org") == frozenset()


def test_marks(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(
        f"@revoked * {OTHER}\n@cert-authority * {KEY}\ndb.example.org {OTHER}\n", encoding="ascii"
    )
    found = read_known_keys(SshSettings("db.example.org", "me", known_hosts_file=str(file)))
    assert found.revoked == {OTHER}
    assert found.accepted == {OTHER}


def test_the_trusted_key_and_the_usual_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = SshSettings("db.example.org", "me", host_key=OTHER)
    assert read_known_keys(settings).accepted == {OTHER}
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(f"db.example.org {KEY}\n", encoding="ascii")
    assert read_known_keys(settings).accepted == {KEY, OTHER}
    assert read_known_keys(settings).types() == ("ssh-ed25519", "ssh-rsa")


def test_a_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        read_known_keys(SshSettings("a", "b", known_hosts_file=str(tmp_path / "missing")))


def test_fingerprints_are_those_of_ssh(tmp_path: Path) -> None:
    key = tmp_path / "key.pub"
    key.write_text(KEY + "\n", encoding="ascii")
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", key], capture_output=True, text=True, check=True, timeout=30
    )
    assert ssh_fingerprint(KEY) == shown.stdout.split()[1]
    assert ssh_fingerprint("") == ssh_fingerprint("ssh-rsa ?") == ""
