"""Services that translate: ``base`` is what the gateway knows of them, ``wire`` how their requests leave the house."""
