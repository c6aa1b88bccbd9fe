// The emulator in a .NET program, called through the proxy that wsdl.exe generates from the WSDL: see run.sh.
using System;
using System.Diagnostics;
using System.Net;
using System.Net.Http;
using System.Text;
using System.Web.Services.Protocols;

static class Program
{
    static readonly HttpClient http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
    static string url;

    static void Main(string[] arguments)
    {
        WebRequest.DefaultWebProxy = new WebProxy(); // none, whatever the environment says
        var emulator = Process.Start(new ProcessStartInfo("rescue-emulator")
        {
            Arguments = $"serve \"{arguments[0]}\" --port 0 --exit-with-stdin",
            UseShellExecute = false,
            RedirectStandardInput = true, // a pipe, which ends with this program
            RedirectStandardOutput = true,
        });
        // ready http://127.0.0.1:45123/API/API.asmx scenario=... rules=...
        url = emulator.StandardOutput.ReadLine().Split(' ')[1];
        Check();
        emulator.StandardInput.Close(); // the end of its standard input ends the emulator
        emulator.WaitForExit();
        Expect(emulator.ExitCode, 0);
    }

    static void Check()
    {
        var service = new Rescue.API { Url = url, Timeout = 5000 };
        Func<int, string> start = session => service.startSession(session, 337366, "demo-ann").ToString();

        // What the scenario says.
        Expect(start(1001), "startSessionRet_OK");

        // A rule for this test, which comes before those of the file.
        Control("/rules", "{'when': {'session': 1002}, 'return': 'startSessionRet_NotLoggedInAsAdmin'}");
        Expect(start(1002), "startSessionRet_NotLoggedInAsAdmin");

        // An exception in the service is a SoapException, a lost connection a WebException.
        Control("/rules", "{'when': {'session': 1003}, 'replies': [{'fail': {'exception': 'Timeout expired.'}},"
            + " {'fail': {'connection': 'reset'}}, 'startSessionRet_OK']}");
        Expect(Throws<SoapException>(() => start(1003)).Message.Contains("Timeout expired."), true);
        Throws<WebException>(() => start(1003));
        Expect(start(1003), "startSessionRet_OK");

        // Which calls came: a wrong number is an error.
        Control("/verify", "{'when': {'session': 1003, 'auth_code': 'demo-ann'}, 'times': 3}");
    }

    // Send JSON to the control API; it is written with single quotes here.
    static void Control(string path, string json)
    {
        var body = new StringContent(json.Replace('\'', '"'), Encoding.UTF8, "application/json");
        var answer = http.PostAsync(url.Replace("/API/API.asmx", "/__admin" + path), body).Result;
        if (!answer.IsSuccessStatusCode)
            throw new Exception(answer.Content.ReadAsStringAsync().Result);
    }

    static T Throws<T>(Func<string> call) where T : Exception
    {
        try { throw new InvalidOperationException("no failure, but " + call()); }
        catch (T expected) { return expected; }
    }

    static void Expect(object value, object wanted)
    {
        if (!value.Equals(wanted))
            throw new Exception($"got {value}, expected {wanted}");
    }
}
