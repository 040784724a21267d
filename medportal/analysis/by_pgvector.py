"""Exact nearest neighbours by PostgreSQL's pgvector, for sites whose web processes should not hold the matrices.

Embeddings stay rows of bytes, whatever the database. `MEDPORTAL_PGVECTOR=1` has `migrate` make a table beside them, of
the same vectors as pgvector knows them, and to fill it; a search first adds what has come since. What is deleted goes by
itself.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from numpy.typing import NDArray

from medportal.analysis.models import Embedding
from medportal.errors import InvalidError

_MAKE = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS analysis_vector (
    embedding_id bigint PRIMARY KEY REFERENCES analysis_embedding ON DELETE CASCADE,
    vector vector NOT NULL
);
"""
_LACKING = """
SELECT id FROM analysis_embedding e
WHERE id IN ({rows}) AND length(vector) > 0 AND NOT EXISTS (SELECT FROM analysis_vector WHERE embedding_id = e.id)
"""
# Nobody deletes an embedding while its vector is written.
_READ = "SELECT id, vector FROM analysis_embedding WHERE id = ANY(%s) FOR KEY SHARE"
_ADD = """
INSERT INTO analysis_vector
SELECT id, content::vector FROM unnest(%s::bigint[], %s::text[]) AS added (id, content)
ON CONFLICT DO NOTHING
"""
_FITTING = """
FROM analysis_embedding e JOIN analysis_vector v ON v.embedding_id = e.id
WHERE e.id IN ({rows}) AND vector_dims(v.vector) = %s
"""
_COUNT = f"SELECT count(*) {_FITTING}"
# The vectors are of length 1: their inner product, of which pgvector gives the negative, is the cosine.
_NEAREST = f"""
SELECT e.series_id, -(v.vector <#> %s::vector) {_FITTING} AND e.series_id <> ALL(%s::bigint[])
ORDER BY v.vector <#> %s::vector, e.series_id LIMIT %s
"""
_CHUNK = 1000


def make_table(**_: Any) -> None:
    """Make and fill the table after `migrate`, where it is wanted; raises InvalidError `no_postgresql`."""
    if not settings.USE_PGVECTOR:
        return
    if connection.vendor != "postgresql":
        raise InvalidError("no_postgresql", "MEDPORTAL_PGVECTOR=1 needs a PostgreSQL, named by DATABASE_URL.")
    with connection.cursor() as cursor:
        cursor.execute(_MAKE)
    _add_lacking(Embedding.objects.all())


def find(
    rows: QuerySet[Embedding], vector: NDArray[np.float32], *, limit: int, without: Collection[int]
) -> tuple[int, list[tuple[int, float]]]:
    """Return among how many was looked, and (series' row, cosine of the angle between) of the nearest, nearest first."""
    _add_lacking(rows)
    chosen, values = rows.order_by().values("pk").query.sql_with_params()
    asked = json.dumps(vector.tolist())
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(rows=chosen), [*values, vector.size])
        compared = int(cursor.fetchone()[0])
        cursor.execute(_NEAREST.format(rows=chosen), [asked, *values, vector.size, list(without), asked, limit])
        return compared, [(int(key), float(cosine)) for key, cosine in cursor.fetchall()]


def _add_lacking(rows: QuerySet[Embedding]) -> None:
    """Write the vectors that are not there yet, a thousand at a time."""
    chosen, values = rows.order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_LACKING.format(rows=chosen), values)
        lacking = [key for (key,) in cursor.fetchall()]
        for start in range(0, len(lacking), _CHUNK):
            with transaction.atomic():
                cursor.execute(_READ, [lacking[start : start + _CHUNK]])
                found = [(key, json.dumps(np.frombuffer(content, "<f4").tolist())) for key, content in cursor]
                cursor.execute(_ADD, [[key for key, _ in found], [content for _, content in found]])
