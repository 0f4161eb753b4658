"""Why a host is not taken: each module is one reason, whole. See docs/how-to/add-a-policy.md."""
