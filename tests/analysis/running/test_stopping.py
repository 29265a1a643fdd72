"""Signals that arrive while something must not stop halfway."""

import signal
import threading

import pytest
from subprobe.analysis.running.stopping import held_back, stopped_by_signals


@pytest.fixture(autouse=True)
def interruptible():
    """Ctrl-C is heard, which whoever runs tests in the background may have switched off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(number):
    """What a block goes through that gets a signal, and what is raised at its end."""
    steps = []

    def block():
        with stopped_by_signals():
            with held_back():
                signal.raise_signal(number)
                steps.append("block")
            steps.append("after")

    with pytest.raises(KeyboardInterrupt):
        block()
    return steps


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_the_block_is_over(number):
    before = signal.getsignal(number)
    assert interrupted(number) == ["block"]
    assert signal.getsignal(number) is before


def test_an_error_inside_is_not_lost_to_the_signal_that_follows():
    def block():
        with held_back():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("inside")

    with pytest.raises(KeyboardInterrupt) as caught:
        block()
    assert isinstance(caught.value.__context__, ValueError)


def test_nothing_is_held_back_in_a_thread_of_its_own():
    handlers = []

    def look():
        with held_back():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held_back():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
