"""How the command line ends: one line and an exit code, whatever the streams are."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SAYS = "import sys\nfrom subprobe.commands.ending import end_well\n"
ANSWER = SAYS + "end_well(lambda: print('answer'), debug=False)"


def ended(code, *, shell="", **environment):
    """Run Python code with the streams that a shell gives it: exit code, stdout, stderr lines."""
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {shell}', sys.executable, code],
        capture_output=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr.decode().splitlines()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_device_is_one_line():
    code, _, lines = ended(ANSWER, shell="> /dev/full")
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert "No space left on device; --debug shows where" in lines[0]


def test_a_closed_output_is_one_line():
    code, _, lines = ended(ANSWER, shell=">&-")
    assert (code, len(lines)) == (1, 1)
    assert lines[0].startswith("error: standard output: is closed")


def test_a_closed_output_matters_only_where_something_is_said():
    assert ended(SAYS + "end_well(lambda: None, debug=False)", shell=">&- 2>&- <&-") == (0, b"", [])


def test_the_number_of_a_closed_output_is_not_given_to_the_next_file(tmp_path):
    write = (
        f"import os; f = open({str(tmp_path / 'x')!r}, 'wb', 0); "
        "os.write(1, b'from a library'); f.write(b'mine')"
    )
    code, _, lines = ended(SAYS + f"end_well(lambda: exec({write!r}), debug=False)", shell=">&-")
    assert (code, lines) == (0, [])
    assert (tmp_path / "x").read_bytes() == b"mine"


def test_a_reader_that_left_is_one_line():
    many = SAYS + "end_well(lambda: [print('x' * 999) for _ in range(999)], debug=False)"
    code, _, lines = ended(many, shell="| true; exit 0")
    assert code == 0
    assert lines == ["error: standard output was closed before everything was written"]


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "POSIX"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_every_locale_can_be_written_to(locale):
    text = "∂ é 😀"
    say = f"import json; print(json.dumps([{text!a}], ensure_ascii=False))"
    code, out, lines = ended(SAYS + f"end_well(lambda: exec({say!r}), debug=False)", **locale)
    assert (code, lines) == (0, [])
    encoding = "latin-1" if "latin-1" in locale.values() else "utf-8"
    assert json.loads(out.decode(encoding)) == [text]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("PermissionError(13, 'Permission denied', '/a/b')", "/a/b: Permission denied; --debug"),
        ("OSError(28, 'No space left on device')", "No space left on device; --debug"),
        ("OSError('first\\nsecond')", "first; --debug"),
        ("ImportError('no peft')", "no peft; install it"),
        ("ModuleNotFoundError('No module named x')", "No module named x; install it"),
    ],
)
def test_errors_of_the_system_are_one_line(subprobe_command, monkeypatch, error, line):
    from subprobe.analysis import doctor

    def fail():
        raise eval(error)

    monkeypatch.setattr(doctor, "examine", fail)
    code, out, err = subprobe_command("doctor")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {line}")
    assert err.count("\n") == 1
    for words in (["--debug", "doctor"], ["doctor", "--debug"]):
        code, _, err = subprobe_command(*words)
        assert code == 1
        assert "Traceback" in err
        assert "in fail" in err


def test_ctrl_c_says_how_to_go_on(subprobe_command, monkeypatch):
    from subprobe.analysis import doctor

    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "examine", stop)
    code, _, err = subprobe_command("doctor")
    assert (code, err) == (
        130,
        "stopped; nothing was written; to start again: subprobe doctor\n",
    )


def test_a_terminated_command_leaves_nothing_half_written(tmp_path):
    code = SAYS + (
        "import time\nfrom subprobe.data.output.folders import atomic_folder\n"
        "def work():\n"
        f"    with atomic_folder({str(tmp_path / 'out')!r}, 'tables') as folder:\n"
        "        (folder / 'half').write_text('half')\n"
        "        print('working', flush=True)\n"
        "        time.sleep(60)\n"
        "end_well(work, debug=False)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"working\n"
    time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    process.stdout.close()
    assert list(tmp_path.iterdir()) == []
