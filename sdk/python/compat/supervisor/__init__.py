"""The parts of Supervisor's Python package that event listeners import, for a machine without Supervisor.

Names, arguments and results are those of Supervisor 4.4, the code is Hark's. There is no daemon here, and what only
the daemon or its Python extensions need (rpcinterface, http, process, ...) is missing.
"""
