// The emulator in a Java program, called with java.net.http (Java 11 or later): java StartSession.java SCENARIO
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;

public class StartSession {
    private static final String NAMESPACE = "https://secure.logmeinrescue.com/API/API.asmx";

    private final HttpClient client = HttpClient.newHttpClient();
    private final String url;

    StartSession(String url) {
        this.url = url;
    }

    public static void main(String[] arguments) throws Exception {
        Process emulator =
                new ProcessBuilder("rescue-emulator", "serve", arguments[0], "--port", "0", "--exit-with-stdin")
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start(); // its standard input is a pipe, which ends with this program
        BufferedReader output = new BufferedReader(new InputStreamReader(emulator.getInputStream()));
        String ready = output.readLine(); // ready http://127.0.0.1:45123/API/API.asmx scenario=... rules=...
        new StartSession(ready.split(" ")[1]).check();
        emulator.getOutputStream().close(); // the end of its standard input ends the emulator
        expect(emulator.waitFor(), 0);
    }

    private void check() throws Exception {
        // What the scenario says.
        expect(start(1001), "startSessionRet_OK");

        // A rule for this test, which comes before those of the file.
        control("/rules", "{'when': {'session': 1002}, 'return': 'startSessionRet_NotLoggedInAsAdmin'}");
        expect(start(1002), "startSessionRet_NotLoggedInAsAdmin");

        // An exception in the service is a fault, a lost connection an IOException.
        control(
                "/rules",
                "{'when': {'session': 1003}, 'replies': [{'fail': {'exception': 'Timeout expired.'}},"
                        + " {'fail': {'connection': 'reset'}}, 'startSessionRet_OK']}");
        expect(start(1003).contains("Timeout expired."), true);
        try {
            throw new AssertionError("no failure, but " + start(1003));
        } catch (IOException expected) {
            expect(start(1003), "startSessionRet_OK");
        }

        // Which calls came: a wrong number is an error.
        control("/verify", "{'when': {'session': 1003, 'auth_code': 'demo-ann'}, 'times': 3}");
    }

    /** Start a session; return the result, or the text of the fault. */
    private String start(int session) throws Exception {
        String envelope =
                "<soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'><soap:Body>"
                        + "<startSession xmlns='" + NAMESPACE + "'><iSession>" + session + "</iSession>"
                        + "<iNode>337366</iNode><sAuthCode>demo-ann</sAuthCode></startSession>"
                        + "</soap:Body></soap:Envelope>";
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url))
                        .timeout(Duration.ofSeconds(5))
                        .header("Content-Type", "text/xml; charset=utf-8")
                        .header("SOAPAction", '"' + NAMESPACE + "/startSession\"")
                        .POST(BodyPublishers.ofString(envelope))
                        .build();
        HttpResponse<byte[]> answer = client.send(request, BodyHandlers.ofByteArray());
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        Document document = factory.newDocumentBuilder().parse(new ByteArrayInputStream(answer.body()));
        return answer.statusCode() == 200
                ? document.getElementsByTagNameNS(NAMESPACE, "startSessionResult").item(0).getTextContent()
                : document.getElementsByTagName("faultstring").item(0).getTextContent();
    }

    /** Send JSON to the control API; it is written with single quotes here. */
    private void control(String path, String json) throws Exception {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url).resolve("/__admin" + path))
                        .timeout(Duration.ofSeconds(5))
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(json.replace('\'', '"')))
                        .build();
        HttpResponse<String> answer = client.send(request, BodyHandlers.ofString());
        if (answer.statusCode() >= 400) {
            throw new AssertionError(answer.body());
        }
    }

    private static void expect(Object value, Object wanted) {
        if (!value.equals(wanted)) {
            throw new AssertionError("got " + value + ", expected " + wanted);
        }
    }
}
