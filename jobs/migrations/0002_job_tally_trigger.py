"""The triggers that keep jobs_jobtally true whatever changes a job: ORM, bulk statement, admin or psql.

Once a statement, not once a row: a purge of many jobs changes each tally once. Tallies are locked in one order, so two
transactions that move jobs of one account can't deadlock over them.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION jobs_tally_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO jobs_jobtally (account_id, status, jobs)
    SELECT account_id, status, count(*) FROM new_rows GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (account_id, status) DO UPDATE SET jobs = jobs_jobtally.jobs + excluded.jobs;
    RETURN NULL;
END $$;

CREATE FUNCTION jobs_tally_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO jobs_jobtally (account_id, status, jobs)
    SELECT account_id, status, -count(*) FROM old_rows GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (account_id, status) DO UPDATE SET jobs = jobs_jobtally.jobs + excluded.jobs;
    RETURN NULL;
END $$;

CREATE FUNCTION jobs_tally_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO jobs_jobtally (account_id, status, jobs)
    SELECT account_id, status, sum(change) FROM (
        SELECT n.account_id, n.status, 1 AS change FROM new_rows n JOIN old_rows o USING (id)
        WHERE (n.account_id, n.status) <> (o.account_id, o.status)
        UNION ALL
        SELECT o.account_id, o.status, -1 FROM new_rows n JOIN old_rows o USING (id)
        WHERE (n.account_id, n.status) <> (o.account_id, o.status)
    ) moved GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (account_id, status) DO UPDATE SET jobs = jobs_jobtally.jobs + excluded.jobs;
    RETURN NULL;
END $$;

CREATE TRIGGER jobs_tally_insert AFTER INSERT ON jobs_job
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION jobs_tally_new();
CREATE TRIGGER jobs_tally_delete AFTER DELETE ON jobs_job
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION jobs_tally_old();
CREATE TRIGGER jobs_tally_update AFTER UPDATE ON jobs_job
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION jobs_tally_moved();
"""
DROP = """
DROP TRIGGER jobs_tally_insert ON jobs_job;
DROP TRIGGER jobs_tally_delete ON jobs_job;
DROP TRIGGER jobs_tally_update ON jobs_job;
DROP FUNCTION jobs_tally_new();
DROP FUNCTION jobs_tally_old();
DROP FUNCTION jobs_tally_moved();
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
