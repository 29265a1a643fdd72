"""Dependency trees and relations in attention."""
