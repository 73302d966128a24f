"""All that knows Prefect's API: flow runs, task runs, artifacts, events, approval, deploying."""
