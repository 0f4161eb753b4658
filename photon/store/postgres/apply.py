"""The function with which a server applies a group of write-sets: one round trip a group.

It is made from the nouns and lives in the writer's session (`pg_temp`): it always is the one that
its controller speaks to, and no release has to share it with another.

Whoever applies holds the row of `feed` from the first statement to the end of its COMMIT: groups
of all controllers are one after the other, each sees what those before it did, and revisions are
in the order of their commits. Client and server exchange nothing meanwhile, so that no controller
can hold the lock while it is frozen.
"""

# ruff: noqa: S608  # Names are checked by `quoted` and come from nouns; values are always bound.
from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

from photon.store.postgres.columns import comparable, from_text
from photon.store.postgres.quota_sql import (
    CHARGE_ALL,
    CHARGE_ONE,
    DROP_LIMITS,
    DROP_QUOTA,
    SET_LIMITS,
    UNLIMIT_ALL,
)
from photon.store.protocol import Noun
from photon.store.schema import BASE_COLUMNS
from photon.store.statements import quoted


class Kind(IntEnum):
    """Kinds of write, as client and server number them."""

    INSERT = 1
    UPDATE = 2
    DELETE = 3
    REQUIRE = 4
    REAP = 5
    REQUIRE_NONE = 6
    CHARGE = 7
    SET_LIMITS = 8
    UNLIMIT_ALL = 9
    DROP_LIMITS = 10
    DROP_QUOTA = 11


CHANNEL: Final = "photon_feed"
REFUSED: Final = "PH001"  # our SQLSTATE: a write-set must be rolled back
SUPERSEDED: Final = "PH002"  # our SQLSTATE: another session writes for this store object

# One element a write, but for p_texts and the amounts, in which writes have their own from p_at on.
_ARRAYS: Final = {
    "p_kinds": "smallint[]",
    "p_nouns": "smallint[]",
    "p_ids": "text[]",
    "p_gens": "bigint[]",
    "p_conds": "smallint[]",
    "p_at": "integer[]",
    "p_docs": "bytea[]",
    "p_texts": "text[]",
    "p_keys": "text[]",
    "p_units": "text[]",
    "p_bases": "double precision[]",
}
_ONLY_APPLY: Final = {
    "p_writer": "text",
    "p_session": "bigint",
    "p_sequence": "bigint",
    "p_since": "bigint",
    "p_gap_max": "bigint",
    "p_kept": "bigint",
    "p_trim_step": "bigint",
    "p_trim_max": "bigint",
    "p_each": "boolean",
    "p_first": "integer[]",
    "p_sets": "integer[]",
    "p_changed": "bigint[]",
    "p_charge_sets": "integer[]",
    "p_owners": "text[]",
}
PARAMETERS: Final = (*_ONLY_APPLY, *_ARRAYS)
CALL: Final = (
    "SELECT * FROM pg_temp.photon_apply("
    + ", ".join(f"${n}" for n in range(1, len(PARAMETERS) + 1))
    + ")"
)


def session_functions(nouns: Sequence[Noun[Any]]) -> str:
    """The SQL that a writer's session begins with."""
    of_set = _SET
    for name, leaf in (
        ("rows", _row),
        ("inserts", _insert),
        ("updates", _update),
        ("deletes", _delete),
    ):
        of_set = of_set.replace(f"<{name}>", _tree([leaf(noun) for noun in nouns]))
    return of_set + _APPLY.replace("<names>", ",".join(noun.name for noun in nouns))


def _tree(leaves: Sequence[str], first: int = 1) -> str:
    """Chooses by v_noun in a few comparisons: a CASE would look at one noun after the other."""
    if len(leaves) == 1:
        return leaves[0]
    half = len(leaves) // 2
    lower, upper = _tree(leaves[:half], first), _tree(leaves[half:], first + half)
    return f"IF v_noun < {first + half} THEN\n{lower}\nELSE\n{upper}\nEND IF;"


def _row(noun: Noun[Any]) -> str:
    columns = ", ".join(comparable(noun, name) for name in (*BASE_COLUMNS, *noun.columns))
    return f"SELECT ARRAY[{columns}] INTO v_row FROM {quoted(noun.name)} WHERE id = p_ids[v_i];"


def _values(noun: Noun[Any]) -> list[str]:
    return [from_text(noun, name, f"p_texts[v_at + {n}]") for n, name in enumerate(noun.columns)]


def _insert(noun: Noun[Any]) -> str:
    names = ["id", "generation", "revision", *map(quoted, noun.columns), "doc"]
    values = ["p_ids[v_i]", "1", "p_revision", *_values(noun), "p_docs[v_i]"]
    value_of = dict(zip(noun.columns, _values(noun), strict=True))
    taken = [
        f"WHEN EXISTS (SELECT 1 FROM {quoted(noun.name)} WHERE "
        + " AND ".join(f"{quoted(column)} = {value_of[column]}" for column in key)
        + f") THEN '{','.join(key)}'"
        for key in noun.unique
    ]
    which = f"CASE {' '.join(taken)} ELSE 'id' END" if taken else "'id'"
    return (
        f"INSERT INTO {quoted(noun.name)} ({', '.join(names)}) VALUES ({', '.join(values)})"
        " ON CONFLICT DO NOTHING;\n"
        f"IF NOT FOUND THEN RETURN concat_ws(' ', 'x', v_i, v_changed::integer, {which}); END IF;"
    )


def _update(noun: Noun[Any]) -> str:
    sets = [
        "generation = generation + 1",
        "revision = p_revision",
        *(f"{quoted(n)} = {value}" for n, value in zip(noun.columns, _values(noun), strict=True)),
        "doc = p_docs[v_i]",
    ]
    return (
        f"UPDATE {quoted(noun.name)} SET {', '.join(sets)}"
        " WHERE id = p_ids[v_i] AND generation = p_gens[v_i];"
    )


def _delete(noun: Noun[Any]) -> str:
    return f"DELETE FROM {quoted(noun.name)} WHERE id = p_ids[v_i];"


def _declared(parameters: dict[str, str]) -> str:
    return ", ".join(f"{name} {type}" for name, type in parameters.items())


# Applies one write-set. Null: done. "r" and the numbers of the writes that reaped a row: done.
# "x", the number of the write, whether anything was changed before it, and why: refused.
_SET: Final = f"""
CREATE OR REPLACE FUNCTION pg_temp.photon_set(
  p_revision bigint, p_from integer, p_to integer, p_each boolean, {_declared(_ARRAYS)}
) RETURNS text LANGUAGE plpgsql AS $body$
DECLARE
  v_i integer; v_kind smallint; v_noun smallint; v_at integer; v_row text[]; v_fits boolean;
  v_changed boolean := false; v_reaped text; v_count bigint; v_k integer;
  v_limit double precision; v_usage double precision; v_unit text;
BEGIN
  FOR v_i IN p_from..p_to LOOP
    v_kind := p_kinds[v_i]; v_noun := p_nouns[v_i]; v_at := p_at[v_i];
    IF v_kind = {Kind.REQUIRE} OR v_kind = {Kind.REAP} OR p_conds[v_i] > 0 THEN
      v_row := NULL;
      <rows>
      v_fits := v_row IS NOT NULL;
      FOR v_k IN 1..p_conds[v_i] LOOP
        IF v_row[p_texts[v_at]::integer] IS DISTINCT FROM p_texts[v_at + 1] THEN
          v_fits := false;
        END IF;
        v_at := v_at + 2;
      END LOOP;
      IF NOT v_fits THEN
        CONTINUE WHEN v_kind = {Kind.REAP};
        RETURN concat_ws(' ', 'x', v_i, v_changed::integer);
      END IF;
      CONTINUE WHEN v_kind = {Kind.REQUIRE};
    END IF;
    IF v_kind = {Kind.INSERT} THEN
      <inserts>
      v_changed := true;
    ELSIF v_kind = {Kind.UPDATE} THEN
      <updates>
      IF NOT FOUND THEN
        RETURN concat_ws(' ', 'x', v_i, v_changed::integer);
      END IF;
      v_changed := true;
    ELSIF v_kind = {Kind.DELETE} THEN
      <deletes>
      IF NOT FOUND THEN
        RETURN concat_ws(' ', 'x', v_i, v_changed::integer);
      END IF;
      v_changed := true;
    ELSIF v_kind = {Kind.CHARGE} THEN
      IF p_each THEN
        {CHARGE_ONE}
      END IF;
      v_changed := true;
    ELSIF v_kind = {Kind.REAP} THEN
      IF p_gens[v_i] >= 0 THEN
        EXECUTE p_texts[v_at] INTO v_fits USING p_texts[v_at + 1 : v_at + p_gens[v_i]];
        CONTINUE WHEN NOT v_fits;
      END IF;
      <deletes>
      v_changed := true;
      v_reaped := concat_ws(' ', v_reaped, v_i);
    ELSIF v_kind = {Kind.REQUIRE_NONE} THEN
      EXECUTE p_texts[v_at] INTO v_count USING p_texts[v_at + 1 : v_at + p_gens[v_i]];
      IF v_count > 0 THEN
        RETURN concat_ws(' ', 'x', v_i, v_changed::integer, v_count);
      END IF;
    ELSIF v_kind = {Kind.SET_LIMITS} THEN
      {SET_LIMITS}
    ELSIF v_kind = {Kind.UNLIMIT_ALL} THEN
      {UNLIMIT_ALL}
    ELSIF v_kind = {Kind.DROP_LIMITS} THEN
      {DROP_LIMITS}
    ELSE
      {DROP_QUOTA}
    END IF;
  END LOOP;
  RETURN 'r ' || v_reaped;
END
$body$;
"""

_ONE_SET: Final = (
    "pg_temp.photon_set(o_last + 1, p_first[v_s], p_first[v_s + 1] - 1, v_each, "
    + ", ".join(_ARRAYS)
    + ")"
)
# Most write-sets succeed, or are refused before they have changed anything; so they run without
# savepoints, and their charges are added up. When one must be rolled back after all, so is the
# group, and it runs again: each write-set in a savepoint (v_careful), each charge alone (v_each).
_APPLY: Final = f"""
CREATE OR REPLACE FUNCTION pg_temp.photon_apply(
  {_declared(_ONLY_APPLY)}, {_declared(_ARRAYS)},
  OUT o_before bigint, OUT o_last bigint, OUT o_trimmed bigint, OUT o_answers text[],
  OUT o_gap_revisions bigint[], OUT o_gap_nouns text[], OUT o_gap_ids text[],
  OUT o_gap_generations bigint[]
) LANGUAGE plpgsql AS $body$
DECLARE
  v_careful boolean := false; v_each boolean := p_each;
  v_sets integer := cardinality(p_first) - 1; v_s integer; v_answer text; v_state text;
  v_constraint text; v_table text; v_revisions bigint[]; v_reaped integer[]; v_refused integer[];
BEGIN
  SELECT revision, trimmed INTO o_before, o_trimmed FROM feed WHERE one = 1 FOR UPDATE;
  LOOP
    BEGIN
      o_last := o_before;
      o_answers := array_fill(NULL::text, ARRAY[v_sets]);
      v_revisions := array_fill(NULL::bigint, ARRAY[v_sets]);
      v_reaped := '{{}}'; v_refused := '{{}}';
      FOR v_s IN 1..v_sets LOOP
        IF v_careful THEN
          BEGIN
            v_answer := {_ONE_SET};
            IF v_answer LIKE 'x%' THEN
              RAISE EXCEPTION USING ERRCODE = '{REFUSED}', MESSAGE = v_answer;
            END IF;
          EXCEPTION
            WHEN SQLSTATE '{REFUSED}' THEN
              GET STACKED DIAGNOSTICS v_answer = MESSAGE_TEXT;
            WHEN unique_violation OR data_exception OR program_limit_exceeded THEN
              GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_answer = MESSAGE_TEXT,
                v_constraint = CONSTRAINT_NAME, v_table = TABLE_NAME;
              v_answer := concat_ws(' ', 'e', v_state, coalesce(nullif(v_table, ''), '-'),
                coalesce(nullif(v_constraint, ''), '-'), v_answer);
          END;
        ELSE
          v_answer := {_ONE_SET};
          IF v_answer LIKE 'x%' AND split_part(v_answer, ' ', 3) = '1' THEN
            RAISE EXCEPTION USING ERRCODE = '{REFUSED}';
          END IF;
        END IF;
        IF v_answer IS NULL THEN
          o_last := o_last + 1;
          v_revisions[v_s] := o_last;
        ELSE
          o_answers[v_s] := v_answer;
          IF v_answer LIKE 'r%' THEN
            o_last := o_last + 1;
            v_revisions[v_s] := o_last;
            v_reaped := v_reaped || string_to_array(substr(v_answer, 3), ' ')::integer[];
          ELSE
            v_refused := v_refused || v_s;
          END IF;
        END IF;
      END LOOP;
      IF NOT v_each AND cardinality(p_keys) > 0 THEN
        {CHARGE_ALL.format(refused=REFUSED)}
      END IF;
      EXIT;
    EXCEPTION
      WHEN SQLSTATE '{REFUSED}' OR integrity_constraint_violation OR data_exception
        OR program_limit_exceeded THEN
      IF v_careful THEN
        RAISE;
      END IF;
      v_careful := true; v_each := true;
    END;
  END LOOP;
  IF p_since < o_before AND o_before - p_since <= p_gap_max THEN
    SELECT array_agg(c.revision), array_agg(c.noun), array_agg(c.id), array_agg(c.generation)
      INTO o_gap_revisions, o_gap_nouns, o_gap_ids, o_gap_generations
      FROM (SELECT * FROM changes WHERE revision > p_since ORDER BY revision, n) AS c;
  END IF;
  IF o_last = o_before THEN
    RETURN;
  END IF;
  INSERT INTO changes (revision, n, noun, id, generation)
    SELECT v_revisions[c.s], c.n, ('{{<names>}}'::text[])[c.noun], c.id, greatest(c.generation, 0)
    FROM unnest(p_sets, p_nouns, p_ids, p_changed)
      WITH ORDINALITY AS c(s, noun, id, generation, n)
    WHERE c.generation IS NOT NULL AND v_revisions[c.s] IS NOT NULL
      AND (c.generation >= 0 OR c.n = ANY(v_reaped));
  IF o_last - o_trimmed - p_kept >= p_trim_step THEN
    o_trimmed := o_trimmed + least(o_last - o_trimmed - p_kept, p_trim_max);
    DELETE FROM changes WHERE revision <= o_trimmed;
  END IF;
  UPDATE feed SET revision = o_last, trimmed = o_trimmed WHERE one = 1;
  UPDATE writers
    SET sequence = p_sequence, before = o_before, refused = v_refused, used_at = now()
    WHERE id = p_writer AND session = p_session AND sequence = p_sequence - 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '{SUPERSEDED}',
      MESSAGE = 'another session writes for this store object';
  END IF;
  PERFORM pg_notify('{CHANNEL}', o_last::text);
END
$body$;
"""
