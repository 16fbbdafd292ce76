"""What the engines share whose jobs run on somebody else's machine.

watch     one job's patience: its deadline, its cancel, what the answer being read may be like
network   an HTTP client whose every wait obeys the watch, and whose credentials stay with their hosts
outcomes  every way an upstream can fail, as one of our errors
failover  which upstream is asked when, and when no more
download  a result streamed to disk and checked
crowd     the jobs that one process waits for side by side
clips     finished clips kept safe and probed
cpu_gate  short pieces of work, a few threads at a time
"""
