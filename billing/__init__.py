"""Money: prices, the ledger, top-ups. Knows accounts, knows nothing of jobs (they are a subject, `job:<id>`)."""
