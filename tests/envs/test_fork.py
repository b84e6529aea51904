"""A process that is forked after a batch has stepped can step batches too, to the same bit."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import os
from tests.envs.tampering import played_on, world_of
from trading_env.step.sharing import FORKED

def told(made):
    return played_on(made), played_on(world_of("vector")), played_on(world_of("portfolio"))

made = world_of("vector")
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    assert FORKED == [True]
    os.write(writing, repr(told(made)).encode())
    os._exit(0)
code = os.waitpid(child, 0)[1]
assert code == 0, f"the child ended with {code}"
assert FORKED == [False]
assert os.read(reading, 10_000).decode() == repr(told(made))
print("equal")
"""


@pytest.mark.proof
@pytest.mark.skipif(sys.platform != "linux", reason="forks as Linux does")
def test_a_forked_process_steps_a_batch_to_the_same_bit() -> None:
    """The batch of the parent, and one of its own; GNU OpenMP would end the child."""
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "equal\n"), done.stderr[-500:]
