"""PHP and Java: the tests in the sources that Debian's php-zmq and libzmq-java were built from, run on those packages.

Part of tests/bindings/run. The binary packages carry no tests, so `apt-get source` gets the authors' archive, by a list of
sources of its own: this system's need not have any.
"""

import tarfile
from pathlib import Path

import harness
from suite import Suite, run_command, tap

HERE = Path(__file__).resolve().parent
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
JARS = ["/usr/share/java/zmq.jar", "/usr/share/java/junit4.jar", "/usr/share/java/hamcrest.jar"]


def unpack(package, folder):
    """Unpacks the authors' archive of a source package into folder/source; what is wrong, or None."""
    apt = folder / "apt"
    (apt / "lists/partial").mkdir(parents=True)
    (apt / "sources.list").write_text(f"deb-src [signed-by={KEYS}] http://deb.debian.org/debian bookworm main\n")
    options = ["-qq", "-o", f"Dir::Etc::SourceList={apt}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null",
               "-o", f"Dir::State::Lists={apt}/lists", "-o", "APT::Sandbox::User=root"]
    problem = run_command(["apt-get", *options, "update"], folder)
    problem = problem or run_command(["apt-get", *options, "source", "--tar-only", package], folder)
    if problem:
        return problem
    with tarfile.open(next(folder.glob("*.orig.tar.*"))) as archive:
        archive.extractall(folder / "source", filter="data")
    return None


def php(folder):
    return unpack("php-zmq", folder)


def php_command(folder):
    return ["/usr/bin/python3", HERE / "phpt.py", next(folder.glob("source/zmq-*/tests"))], folder


def java(folder):
    problem = unpack("jzmq", folder)
    if problem:
        return problem
    (folder / "classes").mkdir()
    tests = sorted(folder.glob("source/jzmq-*/src/test/java/**/*.java"))
    return run_command(["/usr/bin/javac", "-nowarn", "-d", folder / "classes", "-cp", ":".join(JARS), HERE / "Tap.java", *tests], folder)


def java_command(folder):
    names = [".".join(path.relative_to(folder / "classes").with_suffix("").parts) for path in folder.glob("classes/org/**/*Test.class")]
    return ["/usr/bin/java", "-cp", ":".join([str(folder / "classes"), *JARS]), "Tap", *sorted(names)], folder


SUITES = [
    Suite("Debian php-zmq 1.1.3", "path", php_command, php, ("1.1.3",), tap, ("/usr/bin/php", "apt-get", KEYS)),
    Suite("Debian libzmq-java 3.1.0", "path", java_command, java, ("3.1.0", harness.digest(HERE / "Tap.java")), tap,
          ("/usr/bin/javac", "apt-get", KEYS, *JARS)),
]
