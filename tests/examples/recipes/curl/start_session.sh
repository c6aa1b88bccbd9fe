#!/usr/bin/env bash
# The emulator in a shell script (bash 4 or later), called with curl. Ends at the first command that fails.
set -euo pipefail

scenario=$(dirname "$0")/../../scenarios/night_shift.yaml
coproc EMULATOR { exec rescue-emulator serve "$scenario" --port 0 --exit-with-stdin; }
emulator=$EMULATOR_PID
read -r ready url _ <&"${EMULATOR[0]}" # ready http://127.0.0.1:45123/API/API.asmx scenario=... rules=...
[[ $ready == ready ]]
admin=${url%/API/API.asmx}/__admin
export no_proxy='*'
namespace=https://secure.logmeinrescue.com/API/API.asmx

ask() {
  curl --silent --show-error --max-time 5 "$@"
}

start_session() { # SESSION NODE AUTH_CODE: prints the result
  ask --fail "$url" --header 'Content-Type: text/xml; charset=utf-8' --header "SOAPAction: \"$namespace/startSession\"" \
    --data-binary "<?xml version='1.0' encoding='utf-8'?>
      <soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'>
        <soap:Body>
          <startSession xmlns='$namespace'>
            <iSession>$1</iSession><iNode>$2</iNode><sAuthCode>$3</sAuthCode>
          </startSession>
        </soap:Body>
      </soap:Envelope>" | sed -n 's|.*<startSessionResult>\(.*\)</startSessionResult>.*|\1|p'
}

expect() { # VALUE WANTED
  [[ $1 == "$2" ]] || { echo "got '$1', expected '$2'" >&2; exit 1; }
}

control() { # PATH JSON: asks the control API, and shows its answer if that is an error
  answer=$(ask --fail-with-body "$admin$1" --json "$2") || { echo "$answer" >&2; exit 1; }
}

# What the scenario says.
expect "$(start_session 1001 337366 demo-ann)" startSessionRet_OK

# The same over GET, which needs no envelope.
answer=$(curl "$url/startSession?iSession=1001&iNode=337366&sAuthCode=demo-ann" 2>/dev/null)
[[ $answer == *'>startSessionRet_OK<'* ]]

# A rule for this test, which comes before those of the file.
control /rules '{"when": {"session": 1002}, "return": "startSessionRet_NotLoggedInAsAdmin"}'
expect "$(start_session 1002 337366 demo-ann)" startSessionRet_NotLoggedInAsAdmin

# A failure, then the result.
control /rules '{"when": {"session": 1003}, "replies": [{"fail": {"connection": "reset"}}, "startSessionRet_OK"]}'
status=0
start_session 1003 337366 demo-ann 2>/dev/null || status=$?
expect "$status" 56 # curl's "failure in receiving network data"
expect "$(start_session 1003 337366 demo-ann)" startSessionRet_OK

# Which calls came: a wrong number is an error.
control /verify '{"when": {"session": 1003, "auth_code": "demo-ann"}, "times": 2}'

exec {EMULATOR[1]}>&- # the end of its standard input ends the emulator
wait "$emulator"
