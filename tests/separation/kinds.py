"""What each role gets from each kind of page.

`ok` is a page, `done` a redirect to somewhere of ours, `invalid` an answer that says what is wrong with what
was sent; `sign-in` and `set-up` (of a second factor) are the doors. `a|b`: one of them. Programs with a
token are nobody on pages made for people; kinds of the API name them in a line of their own (`TOKENS`).
"""

from tests.separation.cast import CALLERS, ROLES, TOKENS

TABLE = """
                  anonymous unverified outsider viewer  creator billing admin   owner   removed suspended staff      root
no such method    sign-in   sign-in    405      405     405     405     405     405     405     405       405        405
list              sign-in   sign-in    ok       ok      ok      ok      ok      ok      403     403       403        403
front door        sign-in   sign-in    done     done    done    done    done    done    done    done      done       done
their object      sign-in   sign-in    404      ok      ok      ok      ok      ok      403     403       403        403
makers' page      sign-in   sign-in    ok       403     ok      403     ok      ok      403     403       403        403
makers' form      sign-in   sign-in    invalid  403     invalid 403     invalid invalid 403     403       403        403
makers act        sign-in   sign-in    404      403     done    403     done    done    403     403       403        403
leads act         sign-in   sign-in    404      403     403     403     done    done    403     403       403        403
owners' list      sign-in   sign-in    ok       403     403     403     403     ok      403     403       403        403
money's list      sign-in   sign-in    ok       403     403     ok      ok      ok      403     403       403        403
leads' list       sign-in   sign-in    ok       403     403     403     ok      ok      403     403       403        403
leads' form       sign-in   sign-in    invalid  403     403     403     invalid invalid 403     403       403        403
money's form      sign-in   sign-in    invalid  403     403     invalid invalid invalid 403     403       403        403
owners' form      sign-in   sign-in    invalid  403     403     403     403     invalid 403     403       403        403
leads' object     sign-in   sign-in    404      403     403     403     ok      ok      403     403       403        403
money's object    sign-in   sign-in    404      403     403     ok      ok      ok      403     403       403        403
money acts        sign-in   sign-in    404      403     403     done    done    done    403     403       403        403
makers' act, bad  sign-in   sign-in    404      403     invalid 403     invalid invalid 403     403       403        403
leads' act, bad   sign-in   sign-in    404      403     403     403     invalid invalid 403     403       403        403
way out of a team sign-in   sign-in    done     done    done    done    done    done    403     403       403        403
members act       sign-in   sign-in    404      done    done    done    done    done    404     404       404|set-up 404

open page         ok        ok         ok       ok      ok      ok      ok      ok      ok      ok        ok         ok
not on open       405       405        405      405     405     405     405     405     405     405       405        405
nothing here      404       404        404      404     404     404     404     404     404     404       404        404
signed webhook    invalid   invalid    invalid  invalid invalid invalid invalid invalid invalid invalid   invalid    invalid

invited           done      done       ok       ok      ok      ok      ok      ok      ok      ok        ok         ok

own page          sign-in   sign-in    ok       ok      ok      ok      ok      ok      ok      ok        ok         ok
own act           sign-in   sign-in    done     done    done    done    done    done    done    done      done       done
own form          sign-in   sign-in    invalid  invalid invalid invalid invalid invalid invalid invalid   invalid    invalid
not on own        sign-in   sign-in    405      405     405     405     405     405     405     405       405        405
not theirs        sign-in   sign-in    404      404     404     404     404     404     404     404       404        404
for newcomers     ok        ok         done     done    done    done    done    done    done    done      done       done
not on newcomers' 405       405        done     done    done    done    done    done    done    done      done       done
way out           sign-in   sign-in    sign-in  sign-in sign-in sign-in sign-in sign-in sign-in sign-in   sign-in    sign-in
with a factor     sign-in   sign-in    404      404     404     404     404     404     404     404       404        done
by factor again   sign-in   sign-in    done     done    done    done    done    done    done    done      done       ok
no, factor again  sign-in   sign-in    done     done    done    done    done    done    done    done      done       405

api to know       401       401        401      401     401     401     401     401     401     401       401        401
api to read       401       401        401      401     401     401     401     401     401     401       401        401
api to make       401       401        401      401     401     401     401     401     401     401       401        401
api to count      401       401        401      401     401     401     401     401     401     401       401        401
api to make, bad  401       401        401      401     401     401     401     401     401     401       401        401

back office       sign-in   sign-in    shut     shut    shut    shut    shut    shut    shut    shut      set-up     open
back office's end sign-in   sign-in    done     done    done    done    done    done    done    done      ok|405     ok|405
back office's door sign-in  sign-in    shut     shut    shut    shut    shut    shut    shut    shut      open       open
back office, no   sign-in   sign-in    shut     shut    shut    shut    shut    shut    shut    shut      set-up     403
"""
# Of the API: what programs get, by the token's scope; people have no token to show there.
TOKENS_TABLE = """
                  reading   creating   accounting
api to know       ok        ok         ok
api to read       ok        403        403
api to make       403       ok         403
api to make, bad  403       invalid    403
api to count      403       403        ok
"""

# Words for several outcomes: what an administrator gets depends on the row, what others get never opens.
MEANS = {
    "shut": {"sign-in", "401", "403"},
    "open": {"ok", "done", "403", "404", "405", "invalid"},
}


def _read(text: str, columns: tuple[str, ...]) -> dict[str, dict[str, set[str]]]:
    """Kind → caller → the outcomes that are right. A kind's name ends where its first column begins."""
    header, *lines = [line for line in text.splitlines() if line.strip()]
    assert header.split() == list(columns)
    start = header.index(columns[0])
    kinds = {}
    for line in lines:
        cells = line[start:].split()
        assert len(cells) == len(columns), line
        kinds[line[:start].strip()] = {
            who: set().union(*(MEANS.get(word, {word}) for word in cell.split("|")))
            for who, cell in zip(columns, cells, strict=True)
        }
    return kinds


KINDS = _read(TABLE, ROLES)
PROGRAMS = _read(TOKENS_TABLE, tuple(TOKENS))


def expected(kind: str, who: str) -> set[str]:
    """The outcomes that are right for `who`."""
    if who in TOKENS and kind in PROGRAMS:
        return PROGRAMS[kind][who]
    return KINDS[kind]["anonymous" if who in TOKENS else who]


def fitting(seen: dict[str, str]) -> list[str]:
    """The kinds that would fit what was seen, for whoever has to add a row."""
    return [kind for kind in KINDS if all(seen[who] in expected(kind, who) for who in CALLERS)]
