"""The trigger that keeps jobs_jobtally true whatever changes a job: ORM, bulk update, admin or psql.

Rows are locked in the order of their status, so two transactions that move jobs of one account can't deadlock over them.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION jobs_tally_add(of_account uuid, of_status text, change bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO jobs_jobtally (account_id, status, jobs) VALUES (of_account, of_status, change)
    ON CONFLICT (account_id, status) DO UPDATE SET jobs = jobs_jobtally.jobs + excluded.jobs;
$$;

CREATE FUNCTION jobs_keep_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM jobs_tally_add(NEW.account_id, NEW.status, 1);
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM jobs_tally_add(OLD.account_id, OLD.status, -1);
    ELSIF OLD.status < NEW.status THEN
        PERFORM jobs_tally_add(OLD.account_id, OLD.status, -1);
        PERFORM jobs_tally_add(NEW.account_id, NEW.status, 1);
    ELSE
        PERFORM jobs_tally_add(NEW.account_id, NEW.status, 1);
        PERFORM jobs_tally_add(OLD.account_id, OLD.status, -1);
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER jobs_tally_rows AFTER INSERT OR DELETE ON jobs_job
    FOR EACH ROW EXECUTE FUNCTION jobs_keep_tally();
CREATE TRIGGER jobs_tally_moves AFTER UPDATE OF status, account_id ON jobs_job
    FOR EACH ROW WHEN (OLD.status <> NEW.status OR OLD.account_id <> NEW.account_id) EXECUTE FUNCTION jobs_keep_tally();
"""
DROP = """
DROP TRIGGER jobs_tally_rows ON jobs_job;
DROP TRIGGER jobs_tally_moves ON jobs_job;
DROP FUNCTION jobs_keep_tally();
DROP FUNCTION jobs_tally_add(uuid, text, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
