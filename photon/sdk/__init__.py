"""The typed client of the API: `photon.sdk.client` has the asynchronous and the blocking one."""
