#!/bin/sh
# Generates the proxy, compiles, and runs; with .NET Framework, wsdl.exe and csc.exe take the same options.
set -e
cd "$(dirname "$0")"
rescue-emulator wsdl > API.wsdl
wsdl -namespace:Rescue -out:API.cs API.wsdl
mcs -r:System.Net.Http -r:System.Web.Services -out:start_session.exe StartSession.cs API.cs
mono start_session.exe ../../scenarios/night_shift.yaml
