"""The reference as pages: `/docs` in a browser, made there from `/openapi.json`.

All of it is ours and served from here, so that it works where there is no other network.
"""
