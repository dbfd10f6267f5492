"""Ground floor: tables, ledger, artifact store. Imports nothing of ours."""
