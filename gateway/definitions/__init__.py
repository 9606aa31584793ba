"""Notice and event definitions: ``model`` says what may be written, ``reading`` checks it at the door."""
