"""An interrupt ends the command with 130 and without a traceback, whenever it comes."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A signal as its handler sees it: between two instructions, here of an import.
INTERRUPTED = """
import signal, sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv = ["provenance", "sbom", "generate", "--help"]
{start}
"""
STARTS = {
    "as a script": "from provenance.__main__ import main; main()",
    "as a module": "import runpy; runpy.run_module('provenance', run_name='__main__')",
}


@pytest.mark.parametrize("module", ["click", "provenance.errors", "provenance.cli.generating"])
@pytest.mark.parametrize("start", STARTS)
def test_an_interrupt_while_it_is_imported_is_no_traceback(start: str, module: str) -> None:
    code = INTERRUPTED.format(module=module, start=STARTS[start])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, b"", b"")
