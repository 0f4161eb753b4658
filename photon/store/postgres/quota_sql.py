"""Quota in plpgsql: pieces of the functions that apply a group.

As in SQLite (`photon.store.quota_rows`), sums of counts are rounded to 6 decimals and bytes are
not, and the table's own constraint is the last word.

The amounts of a group stand in four arrays side by side: p_owners, p_keys, p_units, p_bases. Those
of one write begin at v_at, and are p_gens[v_i] many.
"""

# ruff: noqa: S608  # Only our own pieces are put together; values are always bound.
from __future__ import annotations

from typing import Final


def _sum(unit: str, left: str, right: str) -> str:
    whole = f"{left} + {right}"
    return f"CASE {unit} WHEN 'COUNT' THEN round(({whole})::numeric, 6)::float8 ELSE {whole} END"


_OF_THIS: Final = "[v_at : v_at + p_gens[v_i] - 1]"
_AMOUNTS: Final = f"unnest(p_keys{_OF_THIS}, p_units{_OF_THIS}, p_bases{_OF_THIS})"
_ADD: Final = "ON CONFLICT (owner_id, key) DO UPDATE SET usage_base = " + _sum(
    "q.unit", "q.usage_base", "excluded.usage_base"
)

# One charge, in its place among the writes.
CHARGE_ONE: Final = f"""
        SELECT c.n, q.limit_base, q.usage_base, q.unit INTO v_k, v_limit, v_usage, v_unit
          FROM {_AMOUNTS} WITH ORDINALITY AS c(key, unit, base, n)
          JOIN quota_items AS q ON q.owner_id = p_ids[v_i] AND q.key = c.key
          WHERE c.base > 0 AND {_sum("q.unit", "q.usage_base", "c.base")} > q.limit_base
          ORDER BY c.n LIMIT 1;
        IF FOUND THEN
          RETURN concat_ws(' ', 'x', v_i, v_changed::integer, v_k, v_limit, v_usage, v_unit);
        END IF;
        INSERT INTO quota_items AS q (owner_id, key, limit_base, usage_base, unit)
          SELECT p_ids[v_i], c.key, NULL, c.base, c.unit FROM {_AMOUNTS} AS c(key, unit, base)
          {_ADD};
"""

# All charges of a group at once, if they fit in whatever order they came: then none is refused.
_TOTALS: Final = """
          SELECT c.owner_id, c.key, min(c.unit) AS unit, sum(c.base) AS base,
            sum(greatest(c.base, 0)) AS more
          FROM (
            SELECT a.s, a.owner_id, a.key, a.unit, CASE a.unit
              WHEN 'COUNT' THEN round(a.base::numeric, 6)::float8 ELSE a.base END AS base
            FROM unnest(p_charge_sets, p_owners, p_keys, p_units, p_bases)
              AS a(s, owner_id, key, unit, base)
          ) AS c
          WHERE v_revisions[c.s] IS NOT NULL
          GROUP BY c.owner_id, c.key
"""
CHARGE_ALL: Final = f"""
        IF EXISTS (
          SELECT 1 FROM ({_TOTALS}) AS t
          JOIN quota_items AS q ON q.owner_id = t.owner_id AND q.key = t.key
          WHERE t.more > 0 AND {_sum("q.unit", "q.usage_base", "t.more")} > q.limit_base
        ) THEN
          RAISE EXCEPTION USING ERRCODE = '{{refused}}';
        END IF;
        INSERT INTO quota_items AS q (owner_id, key, limit_base, usage_base, unit)
          SELECT t.owner_id, t.key, NULL, {_sum("t.unit", "t.base", "0")}, t.unit
            FROM ({_TOTALS}) AS t
          {_ADD};
"""

# A limit of `replace` is a write of its own before: the client makes them two.
UNLIMIT_ALL: Final = """
      UPDATE quota_items SET limit_base = NULL WHERE owner_id = p_ids[v_i];
      v_changed := true;
"""
SET_LIMITS: Final = """
      FOR v_k IN 1..p_gens[v_i] LOOP
        SELECT usage_base INTO v_usage FROM quota_items
          WHERE owner_id = p_ids[v_i] AND key = p_keys[v_at]
            AND usage_base > p_bases[v_at] + 0.0000005;
        IF FOUND THEN
          RETURN concat_ws(' ', 'x', v_i, 1, v_k, p_bases[v_at], v_usage, p_units[v_at]);
        END IF;
        INSERT INTO quota_items (owner_id, key, limit_base, usage_base, unit)
          VALUES (p_ids[v_i], p_keys[v_at], p_bases[v_at], 0, p_units[v_at])
          ON CONFLICT (owner_id, key) DO UPDATE
          SET limit_base = excluded.limit_base, unit = excluded.unit;
        v_at := v_at + 1;
        v_changed := true;
      END LOOP;
"""
DROP_LIMITS: Final = """
      UPDATE quota_items SET limit_base = NULL
        WHERE owner_id = p_ids[v_i] AND key = ANY(p_texts[v_at : v_at + p_gens[v_i] - 1]);
      v_changed := true;
"""
DROP_QUOTA: Final = """
      DELETE FROM quota_items WHERE owner_id = p_ids[v_i];
      v_changed := true;
"""
