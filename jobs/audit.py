"""What must be true between jobs and the ledger, beside what `billing.checks` knows: rules of its audit."""

from __future__ import annotations

from billing.checks import Rule

# Jobs and re-runs of their analytics, as the ledger calls them.
_WORK = """
    SELECT 'job:' || id AS subject, status, billing_status, price_list, billed_micros FROM jobs_job
    UNION ALL
    SELECT 'job:' || job_id || ':analytics:' || number, status, billing_status, price_list, billed_micros
    FROM jobs_analyticsrun
"""
# A moment between the end of work and the end of its hold is nothing: the sweeper comes every few seconds.
_GRACE = "interval '10 minutes'"

RULES = (
    Rule(
        "hold {id} of {amount} is open, and its {subject} is {status}",
        f"""
        SELECT h.id, h.amount_micros AS amount, h.subject, coalesce(work.status, 'not there') AS status
        FROM billing_transfer h LEFT JOIN ({_WORK}) work USING (subject)
        WHERE h.kind = 'hold' AND h.subject LIKE 'job:%' AND h.created_at < now() - {_GRACE}
            AND coalesce(work.status IN ('completed', 'failed'), true)
            AND NOT EXISTS (
                SELECT FROM billing_transfer r WHERE r.of_id = h.id AND r.kind IN ('capture', 'release'))
        """,  # noqa: S608  (ours alone)
    ),
    Rule(
        "{subject} is {status} and says {billing}, but was charged {charged}",
        f"""
        SELECT work.subject, work.status, work.billing_status AS billing,
            coalesce(c.amount_micros::text, 'nothing') AS charged
        FROM ({_WORK}) work
        LEFT JOIN billing_transfer c ON c.subject = work.subject AND c.kind = 'capture'
        WHERE work.price_list <> '' AND (work.billing_status = 'charged') <> (c.id IS NOT NULL)
        """,  # noqa: S608
    ),
    Rule(
        "job {id} says that it cost {billed}, and the ledger {charged}",
        """
        SELECT j.id, coalesce(j.billed_micros, 0) AS billed,
            coalesce(own.amount_micros, 0) + coalesce(sum(c.amount_micros), 0) AS charged
        FROM jobs_job j
        LEFT JOIN jobs_analyticsrun r ON r.job_id = j.id
        LEFT JOIN billing_transfer c ON c.kind = 'capture' AND c.subject = 'job:' || j.id || ':analytics:' || r.number
        LEFT JOIN billing_transfer own ON own.kind = 'capture' AND own.subject = 'job:' || j.id
        GROUP BY j.id, own.amount_micros
        HAVING coalesce(j.billed_micros, 0) <> coalesce(own.amount_micros, 0) + coalesce(sum(c.amount_micros), 0)
        """,
    ),
)
