<?php
// The emulator in a PHP script, called with SoapClient, which reads the WSDL (PHP 8 with the extension soap).
declare(strict_types=1);

set_error_handler(function (int $level, string $message): never {
    throw new RuntimeException($message); // a failed request or a missing program ends the script
});

$scenario = __DIR__ . '/../../scenarios/night_shift.yaml';
$command = ['rescue-emulator', 'serve', $scenario, '--port', '0', '--exit-with-stdin'];
$emulator = proc_open($command, [['pipe', 'r'], ['pipe', 'w']], $pipes);
$words = explode(' ', (string) fgets($pipes[1])); // ready http://127.0.0.1:45123/API/API.asmx scenario=... rules=...
$url = $words[1];

function expect(mixed $value, mixed $wanted): void
{
    if ($value !== $wanted) {
        throw new RuntimeException('got ' . var_export($value, true) . ', expected ' . var_export($wanted, true));
    }
}

function control(string $path, array $body): void
{
    global $url;
    $request = ['method' => 'POST', 'header' => 'Content-Type: application/json', 'content' => json_encode($body)];
    $context = stream_context_create(['http' => $request + ['ignore_errors' => true]]); // returns the body of errors too
    $answer = file_get_contents(str_replace('/API/API.asmx', "/__admin$path", $url), false, $context);
    if (!preg_match('/ 2\d\d /', $http_response_header[0])) {
        throw new RuntimeException($answer);
    }
}

foreach ([SOAP_1_1 => 'soap11', SOAP_1_2 => 'soap12'] as $version => $binding) {
    $client = new SoapClient("$url?wsdl", ['cache_wsdl' => WSDL_CACHE_NONE, 'soap_version' => $version]);
    $start = fn (int $session): string => $client->startSession(
        ['iSession' => $session, 'iNode' => 337366, 'sAuthCode' => 'demo-ann']
    )->startSessionResult;
    control('/reset', []);

    // What the scenario says.
    expect($start(1001), 'startSessionRet_OK');

    // A rule for this test, which comes before those of the file.
    control('/rules', ['when' => ['session' => 1002], 'return' => 'startSessionRet_NotLoggedInAsAdmin']);
    expect($start(1002), 'startSessionRet_NotLoggedInAsAdmin');

    // Failures are of the class SoapFault: an exception in the service, and a lost connection.
    $failures = [['fail' => ['exception' => 'Timeout expired.']], ['fail' => ['connection' => 'reset']]];
    control('/rules', ['when' => ['session' => 1003], 'replies' => [...$failures, 'startSessionRet_OK']]);
    $faults = [];
    while (count($faults) < 2) {
        try {
            $start(1003);
            break;
        } catch (SoapFault $fault) {
            $faults[] = $fault;
        }
    }
    expect(count($faults), 2);
    expect(str_contains($faults[0]->getMessage(), 'Timeout expired.'), true);
    expect($faults[1]->faultcode, 'HTTP');
    expect($start(1003), 'startSessionRet_OK');

    // Which calls came: a wrong number is an error.
    control('/verify', ['when' => ['session' => 1003, 'binding' => $binding], 'times' => 3]);
}

fclose($pipes[0]); // the end of its standard input ends the emulator
expect(proc_close($emulator), 0);
