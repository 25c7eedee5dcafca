"""A Jupyter kernel, started as a notebook would start it, executes some code: five sockets of three kinds, signed messages."""

import os
import tempfile

from jupyter_client.manager import start_new_kernel
from story import expect, say


def main():
    with tempfile.TemporaryDirectory() as folder:
        # Not the settings and the history of whoever runs this.
        for what in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            os.environ[what] = folder
        manager, client = start_new_kernel(startup_timeout=60, kernel_name="python3", cwd=folder)
        try:
            printed = []

            def output(message):
                if message["msg_type"] == "stream":
                    printed.append(message["content"]["text"])

            code = "print('hello from the kernel'); answer = 6 * 7"
            reply = client.execute_interactive(code, timeout=60, output_hook=output)
            expect(reply["content"]["status"] == "ok", f"the code ran: {reply['content']}")
            expect("".join(printed) == "hello from the kernel\n", f"what it printed: {printed}")

            reply = client.execute_interactive("", user_expressions={"found": "answer"}, timeout=60)
            found = reply["content"]["user_expressions"]["found"]["data"]["text/plain"]
            expect(found == "42", f"the kernel remembers: {found}")

            reply = client.execute_interactive("1 / 0", timeout=60, output_hook=output)
            expect(reply["content"]["ename"] == "ZeroDivisionError", "an error is an answer as well")
            say(f"the kernel has said '{printed[0].strip()}', {found} and {reply['content']['ename']}")
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
