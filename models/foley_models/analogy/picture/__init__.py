"""R(2+1)D-18 without stride in time: what the decoder, the onset network and the synchronisation network see with."""
