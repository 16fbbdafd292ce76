// java.net.http.HttpClient as it is by default: it offers HTTP/2 by an upgrade with each request on a plain connection.
// Arguments: the server's address, the JSON of a small video. Prints one line for each answer.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.SubmissionPublisher;

public class Video {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    public static void main(String[] arguments) throws Exception {
        String server = arguments[0];
        String json = arguments[1];
        for (int round = 0; round < 2; round++) {
            tell("video", post(server, "/api/video/generate", BodyPublishers.ofString(json)));
        }
        tell("chunked", post(server, "/api/video/generate", BodyPublishers.fromPublisher(slowly(json))));
        tell("created", post(server, "/v1/videos", BodyPublishers.ofString(json)));
        tell("large", post(server, "/v1/videos", BodyPublishers.ofString("{\"prompt\": \"" + "x".repeat(2_000_000) + "\"}")));
        HttpRequest get = HttpRequest.newBuilder(URI.create(server + "/health")).build();
        tell("get", CLIENT.send(get, BodyHandlers.ofByteArray()));
    }

    private static HttpResponse<byte[]> post(String server, String path, BodyPublisher body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(server + path))
                .header("Content-Type", "application/json")
                .POST(body)
                .build();
        return CLIENT.send(request, BodyHandlers.ofByteArray());
    }

    /** A body whose length is not known before its end, in pieces of a few bytes. */
    private static SubmissionPublisher<ByteBuffer> slowly(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new SubmissionPublisher<>() {
            @Override
            public void subscribe(java.util.concurrent.Flow.Subscriber<? super ByteBuffer> subscriber) {
                super.subscribe(subscriber);
                for (int at = 0; at < bytes.length; at += 7) {
                    submit(ByteBuffer.wrap(bytes, at, Math.min(7, bytes.length - at)));
                }
                close();
            }
        };
    }

    private static void tell(String what, HttpResponse<byte[]> answer) {
        List<String> type = answer.headers().allValues("content-type");
        System.out.println(what + " " + answer.statusCode() + " " + String.join(",", type) + " " + answer.version());
    }
}
