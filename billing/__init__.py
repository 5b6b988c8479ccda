"""Money: prices, the ledger, top-ups. Knows accounts, knows nothing of jobs.

Empty until prepaid credit arrives: this version charges nothing, and the cost fields of a job are null.
"""
