"""`python -m reconciler.agent fetch` and `put`.

The only argument is this word: what to move stands in variables, who may move it in files.
"""

import os
import signal
import sys

EXIT_USAGE = 2
EXIT_TERMINATED = 128 + signal.SIGTERM


def main(arguments: list[str]) -> int:
    """The exit code: 0 when everything is where it belongs, 1 when the termination message says why not."""
    if arguments == ["fetch"]:
        # As the first process of a container it would otherwise be deaf to it until it is killed.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_TERMINATED))
        from reconciler.agent.work import fetch

        return fetch(os.environ)
    if arguments == ["put"]:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # to be told so again must not stop the upload
        from reconciler.agent.work import put

        return put(os.environ)
    print("usage: python -m reconciler.agent fetch | put", file=sys.stderr)
    return EXIT_USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
