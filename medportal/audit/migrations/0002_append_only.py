"""The database itself refuses to change or delete what has been recorded (but for the sealer's two columns, once).

SQLite rebuilds a table to alter it, and its triggers go with the old one: a migration that alters this table must
make them again.
"""

from django.db import migrations

TABLE = "audit_auditevent"
CONTENT = "id at actor_id actor team action object_type object_id outcome purpose address detail".split()
CHANGED_SQLITE = " OR ".join(f'OLD."{name}" IS NOT NEW."{name}"' for name in CONTENT)
CHANGED_POSTGRESQL = " OR ".join(f'OLD."{name}" IS DISTINCT FROM NEW."{name}"' for name in CONTENT)

SQLITE = [
    f"""CREATE TRIGGER audit_no_delete BEFORE DELETE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    f"""CREATE TRIGGER audit_no_update BEFORE UPDATE ON {TABLE}
        WHEN OLD.seq IS NOT NULL OR NEW.seq IS NULL OR {CHANGED_SQLITE}
        BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    f"""CREATE TRIGGER audit_no_sealed_insert BEFORE INSERT ON {TABLE} WHEN NEW.seq IS NOT NULL
        BEGIN SELECT RAISE(ABORT, 'only the sealer numbers events'); END""",
]
POSTGRESQL = [
    """CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$""",
    f"""CREATE TRIGGER audit_no_delete BEFORE DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION audit_append_only()""",
    f"""CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()""",
    f"""CREATE TRIGGER audit_no_update BEFORE UPDATE ON {TABLE} FOR EACH ROW
        WHEN (OLD.seq IS NOT NULL OR NEW.seq IS NULL OR {CHANGED_POSTGRESQL})
        EXECUTE FUNCTION audit_append_only()""",
    f"""CREATE TRIGGER audit_no_sealed_insert BEFORE INSERT ON {TABLE} FOR EACH ROW
        WHEN (NEW.seq IS NOT NULL) EXECUTE FUNCTION audit_append_only()""",
]
TRIGGERS = {
    "sqlite": ["audit_no_delete", "audit_no_update", "audit_no_sealed_insert"],
    "postgresql": ["audit_no_delete", "audit_no_truncate", "audit_no_update", "audit_no_sealed_insert"],
}


def forwards(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    on_table = "" if vendor == "sqlite" else f" ON {TABLE}"
    for name in TRIGGERS[vendor]:
        schema_editor.execute(f"DROP TRIGGER {name}{on_table}", params=None)
    if vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION audit_append_only()", params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards)]
