"""Python processes of Ray as forks of one process that has imported everything already.

A worker of Ray costs about two seconds of a core before it does any work: ray is imported twice, pandas, pyarrow and
ray.data once. Here `server.py` imports them once and forks; `client.py` stands where Ray would start an interpreter.
"""
