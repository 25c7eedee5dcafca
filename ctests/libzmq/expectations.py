"""What each of libzmq's programs is expected to do on our library: expected.tsv, read, compared and updated.

A row is `program, pass|fail|skip, why`. Called by ctests/libzmq/run. A program that is expected to pass must pass, and only
one that is expected to fail may fail. `--update` turns fail or skip into pass, never the other way: to give a pass up, edit the file and say why.
"""


class Expected:
    def __init__(self, path, remarks, rows):
        self.path, self.remarks, self.rows = path, remarks, rows

    def result(self, name):
        return self.rows.get(name, ("fail", ""))[0]

    def why(self, name):
        return self.rows.get(name, ("", ""))[1]

    def save(self):
        lines = self.remarks + ["program\texpected\twhy"]
        lines += [f"{name}\t{result}\t{why}".rstrip() for name, (result, why) in sorted(self.rows.items())]
        self.path.write_text("\n".join(lines) + "\n")


def load(path):
    remarks, rows = [], {}
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("#"):
                remarks.append(line)
            elif line and not line.startswith("program\t"):
                name, result, why = (line.split("\t") + ["", ""])[:3]
                rows[name] = (result, why)
    return Expected(path, remarks, rows)


def report(expected, outcomes, update, logs):
    """Prints what differs from the expectations; False if something did not pass or failed that should not."""
    broken, new, known = [], [], []
    for outcome in sorted(outcomes, key=lambda outcome: outcome.program.name):
        name, result = outcome.program.name, outcome.result
        wanted = expected.result(name)
        if (wanted == "pass" and result != "PASS") or (wanted == "skip" and result == "FAIL"):
            broken.append((name, result, wanted))
        elif wanted != "pass" and result == "PASS":
            new.append(name)
        elif result == "FAIL":
            known.append(name)

    if known:
        print(f"expected failures ({len(known)}):")
        for name in known:
            print(f"  {name}  {expected.why(name)}".rstrip())
    if new:
        print(f"newly passing ({len(new)}): {' '.join(new)}")
        if update:
            for name in new:
                expected.rows[name] = ("pass", "")
            expected.save()
            print(f"recorded in {expected.path.name}")
        else:
            print("record them with: ctests/libzmq/run --update")
    if broken:
        print(f"BROKEN, logs in {logs}:")
        for name, result, wanted in broken:
            print(f"  {name} {result}, expected to {wanted}")
    return not broken
