"""The pages: inbox for counterparties, desk for clerks."""
