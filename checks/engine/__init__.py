"""The engine of rules, in the order of a rule's life: authoring, collecting, measuring, judging, reporting."""
