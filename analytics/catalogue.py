"""The built-in domain packs: which domains there are, and the field keys that each one adds to a job.

Keys are promised to be stable, and a caller's own field may not reuse one. Called by `analytics.requests`.
"""

from __future__ import annotations

# Domain -> its field keys, in the order of the published catalogue.
PACK_FIELD_KEYS: dict[str, tuple[str, ...]] = {
    "insurance": (
        "call_reason",
        "policy_line",
        "claim_stage",
        "cancellation_risk",
        "missed_retention_opportunity",
        "compliance_disclosure_present",
    ),
    "support": ("contact_reason", "resolution_status", "escalation_required", "churn_risk", "refund_requested"),
    "sales": (
        "buying_intent",
        "lead_stage",
        "objection_type",
        "competitor_mentioned",
        "next_step_committed",
        "missed_upsell_opportunity",
    ),
    "healthcare": ("patient_intent", "escalation_required", "referral_issue", "consent_language_present"),
    "financial_services": ("service_reason", "fraud_signal", "complaint_risk", "regulatory_language_present"),
}

DOMAINS = tuple(PACK_FIELD_KEYS)
