//! Pages of other servers, in the browser of somebody who may come in: they change nothing, and read only if they are
//! named. And what may be changed.

use crate::boardcam::Boardcam;
use crate::passwords::{ANNA, guarded};

use client::{Outcome, Viewer, ask, ensure};

const QUALITY: &str = "{\"quality\": 40}";

#[test]
fn pages_of_other_servers_can_change_nothing() -> Outcome {
    for boardcam in [guarded("csrf.toml", &["--cors-origin", "http://mainsail.local"])?, Boardcam::pattern()?]
    {
        let (own, address) = (format!("Origin: http://{}", boardcam.address), boardcam.address);
        let other_port = format!("Origin: http://127.0.0.1:{}", address.port() ^ 1);
        for (headers, status) in [
            (&["Origin: http://evil.example"][..], 403),
            (&["Origin: null"], 403),
            (&["Origin:"], 403),
            (&["Origin: http://mainsail.local"], 403),
            (&[&other_port], 403),
            (&[&own, "Sec-Fetch-Site: cross-site"], 403),
            (&[&own, "Sec-Fetch-Site: same-site"], 403),
            (&[&own, "Sec-Fetch-Site: same-origin"], 200),
            (&[&own], 200),
            (&[], 200),
        ] {
            let headers = [headers, &[ANNA]].concat();
            let answer = ask(address, "PUT", "/api/quality", &headers, QUALITY)?;
            ensure!(answer.status == status, "{headers:?}: {} {}", answer.status, answer.text());
        }
        let evil = ["Origin: http://evil.example", ANNA, "Content-Type: application/x-www-form-urlencoded"];
        for (method, path) in [
            ("POST", "/sign-in"),
            ("POST", "/sign-out"),
            ("POST", "/api/tokens"),
            ("DELETE", "/api/tokens?name=x"),
        ] {
            let status = ask(address, method, path, &evil, "name=anna&password=password")?.status;
            ensure!(status == 403, "{method} {path}: {status}");
        }
    }
    Ok(())
}

#[test]
fn scripts_of_pages_that_are_named_may_read_and_no_others() -> Outcome {
    let named = ["--cors-origin", "http://mainsail.local", "--cors-origin", "https://fluidd.example:8443"];
    let boardcam = guarded("cors.toml", &named)?;
    let allowed = |method: &str, path: &str, origin: &str| -> Outcome<Option<String>> {
        let answer = ask(boardcam.address, method, path, &[ANNA, &format!("Origin: {origin}")], "")?;
        Ok(answer.headers.get("access-control-allow-origin").cloned())
    };
    for path in ["/state", "/snapshot?card=1", "/cameras/camera/snapshot?card=1", "/?action=snapshot&card=1"]
    {
        for method in ["GET", "HEAD", "OPTIONS"] {
            for origin in ["http://mainsail.local", "https://fluidd.example:8443"] {
                ensure!(
                    allowed(method, path, origin)?.as_deref() == Some(origin),
                    "{method} {path} {origin}"
                );
            }
            for origin in [
                "http://evil.example",
                "https://mainsail.local",
                "http://mainsail.local.evil.example",
                "null",
            ] {
                ensure!(allowed(method, path, origin)?.is_none(), "{method} {path} {origin}");
            }
        }
    }
    for path in ["/", "/sign-in", "/api/tokens", "/api/quality"] {
        for method in ["GET", "OPTIONS"] {
            ensure!(allowed(method, path, "http://mainsail.local")?.is_none(), "{method} {path}");
        }
    }
    // The question comes without credentials, and a refusal must be readable, too.
    let origin = "Origin: http://mainsail.local";
    let asked = ask(boardcam.address, "OPTIONS", "/state", &[origin], "")?;
    ensure!(asked.status == 204, "{}", asked.status);
    ensure!(asked.headers["access-control-allow-headers"].contains("Authorization"), "{:?}", asked.headers);
    let refused = ask(boardcam.address, "GET", "/state", &[origin], "")?;
    ensure!(
        refused.status == 401 && refused.headers.contains_key("access-control-allow-origin"),
        "a refusal"
    );
    let stream = client::request(
        boardcam.address,
        format!("GET /stream HTTP/1.0\r\n{ANNA}\r\n{origin}\r\n\r\n").as_bytes(),
    );
    let head = client::Answer::read_head(&mut stream?)?;
    ensure!(head.headers["access-control-allow-origin"] == "http://mainsail.local", "{:?}", head.headers);
    Ok(())
}

#[test]
fn the_quality_of_the_cameras_own_stream_can_be_changed_while_it_is_watched() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let viewer = Viewer::connect(boardcam.address, "/stream")?;
    let before = viewer.next()?.len();
    let put = |path: &str, body: &str| ask(boardcam.address, "PUT", path, &[], body);
    let answer = put("/api/quality", "{\"quality\": 3}")?;
    ensure!(answer.status == 200 && answer.text() == "{\"quality\":3}", "{}", answer.text());
    viewer.wait_for("smaller frames", |frame| frame.len() * 2 < before)?;
    ensure!(boardcam.state()?["cameras"][0]["quality"] == 3, "state");
    for body in [
        "",
        "{}",
        "5",
        "{\"quality\":0}",
        "{\"quality\":101}",
        "{\"quality\":-1}",
        "{\"quality\":5.5}",
        "\u{0}",
    ] {
        ensure!(put("/api/quality", body)?.status == 400, "{body}");
    }
    ensure!(put("/cameras/attic/api/quality", QUALITY)?.status == 404, "no such camera");
    ensure!(ask(boardcam.address, "POST", "/api/quality", &[], QUALITY)?.status == 405, "POST");
    put("/cameras/camera/api/quality", "{\"quality\": 85}")?;
    viewer.wait_for("large frames", |frame| frame.len() * 2 > before)?;
    Ok(())
}
