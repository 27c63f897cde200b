"""What a tandemd that was killed has to have kept: its file at the moment of the kill, its records in the end.

The invariants I1 to I8 of the fault list where a kill is the fault: what the phones of mixed_calls.py have seen is the
truth, and the store is compared with that.
"""
import shutil
import sqlite3
import time
from collections import Counter
from contextlib import closing

SLACK_US = 1_000_000  # "right to one second"


class StoreCopy:
    """The file as a kill has left it, copied before anybody opens it: a reader would already mend it."""

    def __init__(self, store, folder):
        self.path = folder / "copy.db"
        for end in ("", "-wal"):
            source = store.with_name(store.name + end)
            target = self.path.with_name(self.path.name + end)
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copyfile(source, target)
        self.path.with_name(self.path.name + "-shm").unlink(missing_ok=True)

    def rows(self, query):
        with closing(sqlite3.connect(self.path)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query)]


def check_whole(test, rows):
    """Each call stands there whole or not at all, whenever the process was killed; field report [76] is what is left of
    calls that are gone."""
    test.assertEqual(rows("PRAGMA integrity_check"), [{"integrity_check": "ok"}])
    for what, query in (
            ("places or variables of no dialog", "SELECT dialog FROM dialog_profile UNION SELECT dialog FROM "
             "dialog_variable EXCEPT SELECT serial FROM dialog"),
            ("calls with a record that are alive", "SELECT dialog.id FROM dialog JOIN cdr USING (id)"),
            ("legs of no call", "SELECT leg_of FROM dialog_leg EXCEPT SELECT id FROM dialog EXCEPT SELECT id FROM cdr"),
            ("two records of a call", "SELECT call_id, from_uri FROM cdr GROUP BY call_id HAVING count(*) > 1"),
            ("records without a reason", "SELECT id FROM cdr WHERE coalesce(end_reason, '') = ''"),
            ("calls without their places", "SELECT serial FROM dialog WHERE serial NOT IN "
             "(SELECT dialog FROM dialog_profile WHERE profile = 'total')"),
            ("calls with places of others", "SELECT serial FROM dialog WHERE (request_uri LIKE 'sip:few-%') <> "
             "(serial IN (SELECT dialog FROM dialog_profile WHERE profile = 'few'))")):
        test.assertEqual(rows(query), [], what)


def check_written_ahead(test, rows, calls):
    """What a peer has heard of is in the file: what is up as a dialog of each side, what is over as a record."""
    dialogs = {row["call_id"]: row for row in rows("SELECT * FROM dialog")}
    legs = {row["call_id"]: row for row in rows("SELECT * FROM dialog_leg")}
    records = {row["caller_call_id"] for row in rows("SELECT * FROM cdr")}
    for call in calls:
        if not call.caller.invite:
            continue  # the leg of a transfer
        caller = call.caller.dialog["Call_ID"]
        if call.caller.is_up and not call.is_ending:
            test.assertEqual(dialogs.get(caller, {}).get("state"), "confirmed", call.plan)
            leg = legs.get(call.callee.dialog["Call_ID"], {})
            test.assertEqual((leg.get("state"), leg.get("leg_of")), ("confirmed", dialogs[caller]["id"]), call.plan)
        elif call.caller.is_over:
            # Whose BYE was answered may be known no more while the other side's BYE is under way.
            test.assertIn(caller, records | set(dialogs) if call.callee.bye_at else records, call.plan)
        elif call.progress:
            test.assertIn(caller, dialogs.keys() | records, call.plan)


class Judge:
    """Compares records with what was seen."""

    def __init__(self, calls, kills):
        self.calls, self.kills = calls, kills  # kills: (killed, ready), monotonic seconds
        self.faults = [fault for call in calls for fault in call.faults]
        self.offset_us = time.time_ns() // 1000 - time.monotonic_ns() // 1000

    def had_kill(self, begin, end):
        return any(begin <= ready and killed <= end for killed, ready in self.kills)

    def compare(self, records):
        """Gives everything that is wrong."""
        by_caller = {}
        for record in records:
            by_caller.setdefault(record["caller_call_id"], []).append(record)
        for call in self.calls:
            mine = by_caller.pop(call.caller.dialog["Call_ID"], [])
            self.record = mine[0] if mine else None
            if len(mine) != 1:
                self.fault(call, f"has {len(mine)} records: {[record['end_reason'] for record in mine]}")
            self.judge_sides(call)
            if mine:
                self.judge_record(call)
        self.faults += [f"a record of no call: {call_id}" for call_id in by_caller]
        return self.faults

    def fault(self, call, text):
        self.faults.append(f"{call.plan.name}: {text}; {call.caller.final!r}, {self.record}")

    def judge_sides(self, call):
        """Up at both sides or at none, and ended by BYE at both."""
        caller, callee = call.caller, call.callee
        if not caller.final:
            return self.fault(call, "the caller never had a final answer")
        if caller.is_up and not callee.is_up:
            self.fault(call, "the caller has an answer that the callee never gave")
        for side in (caller, callee):
            if side.is_up and not side.is_over:
                self.fault(call, f"is still up at the {side.role}")
            until = side.bye_done_at
            allowed = (200, 481) if self.had_kill(side.bye_at, until) or callee.bye_at and caller.bye_at else (200,)
            if side.bye_code and side.bye_code not in allowed:
                self.fault(call, f"the {side.role}'s BYE got {side.bye_code}")

    def judge_record(self, call):
        caller, record = call.caller, self.record
        if caller.final and record["sip_code"] != caller.final.code:
            self.fault(call, f"the record says {record['sip_code']}")
        wanted = self.reasons(call)
        if record["end_reason"] not in wanted:
            self.fault(call, f"ended by {record['end_reason']}, not {wanted}")
        if bool(record["answered_us"]) != caller.is_up:
            self.fault(call, "answered or not, the record is wrong")
        times = [record[name] for name in ("created_us", "ringing_us", "answered_us", "ended_us") if record[name]]
        if times != sorted(times):
            self.fault(call, "times are out of order")
        self.judge_times(call)

    def reasons(self, call):
        caller, callee = call.caller, call.callee
        if caller.is_up:
            return [side.role + "_bye" for side in (caller, callee) if side.bye_at]
        code = caller.final.code if caller.final else 0
        reasons = {486: ["refused"], 503: ["limit"]}.get(code, [])
        if code == 487:
            reasons = ["cancelled", "caller_bye"] if call.given_up_at else []
            if self.had_kill(call.began, caller.final_at):
                reasons = [*reasons, "restart"]
        return reasons

    def judge_times(self, call):
        caller, callee, record = call.caller, call.callee, self.record
        self.judge_time(call, "created_us", call.began, caller.final_at)
        ends = [at for side in (caller, callee) for at in (side.bye_at, side.bye_done_at, side.hung_up_at) if at]
        if not caller.is_up:
            if record["duration_us"]:
                self.fault(call, "a duration without an answer")
            return
        self.judge_time(call, "answered_us", callee.final_at, caller.final_at)
        if ends:
            self.judge_time(call, "ended_us", min(ends), max(ends))
        if record["answered_us"]:
            span = record["ended_us"] - record["answered_us"]
            if abs(record["duration_us"] - span) > SLACK_US:
                self.fault(call, f"the duration is not {span} us")

    def judge_time(self, call, name, least, most):
        at = (self.record[name] or 0) - self.offset_us
        if not least * 1e6 - SLACK_US <= at <= most * 1e6 + SLACK_US:
            self.fault(call, f"{name} is not between {least} and {most}, but {at / 1e6}")

    def summary(self, records):
        kinds = Counter(record["end_reason"] for record in records)
        return f"{len(self.calls)} calls, {len(self.kills)} kills; " + ", ".join(
            f"{count} {reason}" for reason, count in kinds.most_common())
