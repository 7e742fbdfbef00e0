"""People and groups that a directory (Microsoft Entra ID, Okta ...) hands in by SCIM 2.0: the server side of the protocol (R6, R60).

``endpoint`` is what core is told; everything that needs the libraries of the protocol is imported with the first call.
"""
