"""A virtual machine that sees the host's files and has what its kernel lacks: TIPC and a vsock loopback.

Called by ctests/guest/run. Debian's kernel boots in QEMU's software emulation (no /dev/kvm is needed) with an initial
file system made of busybox and a few modules; the host's root is mounted read-only under a layer in memory, so programs
lie at the same paths inside and outside and nothing that a job does stays. Results come back through a shared folder.
"""

import gzip
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay", "tipc", "vsock_loopback"]


def missing():
    """What keeps this machine from running a guest, or None."""
    if os.uname().machine != "x86_64":
        return f"it is made for x86-64, and this machine is {os.uname().machine}"
    for program in ("qemu-system-x86_64", "busybox", "modprobe", "cpio"):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return f"{program} is not installed"
    return None if kernel() else "no kernel of Debian's in /boot"


def kernel():
    """The version of the newest kernel that has its modules here."""
    versions = [path.name.removeprefix("vmlinuz-") for path in Path("/boot").glob("vmlinuz-*")]
    usable = [version for version in versions if Path("/lib/modules", version).is_dir()]
    return max(usable, key=lambda version: (Path("/boot", f"vmlinuz-{version}").stat().st_mtime, version), default=None)


def initial_file_system(work):
    """Writes the initramfs and returns its path."""
    tree = work / "initramfs"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "bin").mkdir(parents=True)
    (tree / "modules").mkdir()
    shutil.copy(shutil.which("busybox"), tree / "bin/busybox")
    shutil.copy(HERE / "init", tree / "init")
    (tree / "init").chmod(0o755)
    order = []
    for module in MODULES:
        listed = subprocess.run(["/sbin/modprobe", "-S", kernel(), "--show-depends", module],
                                capture_output=True, text=True, check=True).stdout
        for line in listed.splitlines():
            words = line.split()
            if words[0] == "insmod" and words[1] not in order:
                order.append(words[1])
    for path in order:
        shutil.copy(path, tree / "modules")
    (tree / "modules/order").write_text("".join(f"{Path(path).name}\n" for path in order))
    packed = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=tree, capture_output=True, check=True,
                            input="\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*"))).encode())
    image = work / "initramfs.gz"
    image.write_bytes(gzip.compress(packed.stdout, 1))
    return image


def run(jobs, work, limit):
    """Boots a machine that runs `jobs`, a list of (name, seconds, command).

    Returns name -> (exit status or None, output), and what the console said.
    """
    shared = work / "shared"
    shutil.rmtree(shared, ignore_errors=True)
    shared.mkdir(parents=True)
    shutil.copy(HERE / "inside", shared)
    (shared / "jobs").write_text("".join(f"{name}\t{seconds}\t{command}\n" for name, seconds, command in jobs))
    command = [
        "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024",
        "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio", "-nic", "none",
        "-kernel", f"/boot/vmlinuz-{kernel()}", "-initrd", str(initial_file_system(work)),
        "-append", "console=ttyS0 quiet panic=-1 mitigations=off",
        "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
        "-virtfs", f"local,path={shared},mount_tag=shared,security_model=none",
    ]
    try:
        machine = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 timeout=limit)
        console = machine.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        console = (late.stdout or b"").decode(errors="replace") + f"\nthe guest was still running after {limit:.0f} s"
    (work / "console.log").write_text(console)
    status = shared / "status"
    codes = dict(line.split() for line in status.read_text().splitlines()) if status.exists() else {}
    results = {}
    for name, _, _ in jobs:
        log = shared / f"{name}.log"
        output = log.read_text(errors="replace") if log.exists() else ""
        results[name] = (int(codes[name]) if name in codes else None, output)
    return results, console
