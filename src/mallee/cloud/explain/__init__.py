"""Why a thing is as it is: its state, what stands against it, what it hangs together with."""
