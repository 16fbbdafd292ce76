"""What the engines share whose jobs run on somebody else's machine.

job_limits   what bounds one job's requests: its deadline, its cancel, and the size and silence of an answer
network      an HTTP client that keeps to the job's limits, and sends credentials only where they belong
outcomes     every way an upstream can fail, as one of our errors
failover     which upstream is asked when, and when no more
download     a result that is streamed to disk and checked
active_jobs  the jobs that one process works on at the same time
clips        finished clips: written to disk for certain, and probed
cpu_gate     how many threads may do short pieces of work at the same time
"""
