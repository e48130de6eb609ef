"""Moto's server, whose public addresses are of loopback and of the documentation, and none given out twice.

By itself it gives out addresses that belong to Amazon, by chance some of them to two machines."""

import collections
import ipaddress
import itertools
import sys

import moto.ec2.models.elastic_network_interfaces
import moto.ec2.models.vpcs
import moto.ec2.utils as utils

counter = itertools.count(1)


def loopback():
    """Another one each time: by chance, two machines might have one."""
    at = next(counter)
    return f"127.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}"


def documentation():
    at = next(counter)
    return f"2001:db8:{at >> 8:x}:{at & 255:x}00::/56"


hosts = collections.defaultdict(lambda: itertools.count(16))


def of_network(cidr="10.0.0.0/8", ipv6=False):
    network = ipaddress.ip_network(cidr, strict=False)
    return str(network[next(hosts[str(network)])])


utils.random_private_ip = of_network
utils.random_public_ip = loopback
utils.random_ipv6_cidr = documentation
for module in list(sys.modules.values()):
    if getattr(module, "__name__", "").startswith("moto.ec2"):
        for name in ("random_private_ip", "random_public_ip", "random_ipv6_cidr"):
            if hasattr(module, name):
                setattr(module, name, getattr(utils, name))

from moto.server import main

main(["-H", "127.0.0.1", "-p", "0"])
