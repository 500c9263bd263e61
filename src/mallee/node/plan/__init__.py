"""Pure plans of a host: steps, domain XML, nftables, dnsmasq and link texts."""
