"""The bare peer of the start-up benchmark: a PySide6 window with one label.

Prints the milliseconds from process start to the first turn of the event loop, as JSON.
"""

import json
import sys

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow

from altus4_desktop.app.clock import process_age_ms


def main() -> int:
    application = QApplication(sys.argv)
    window = QMainWindow()
    window.setCentralWidget(QLabel("Altus 4"))
    window.show()

    def report() -> None:
        sys.stderr.write(json.dumps({"interactive_ms": round(process_age_ms(), 1)}) + "\n")
        application.quit()

    QTimer.singleShot(0, report)
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
