"""Messages that a careless or hostile peer sends. Each is our own, after an idea of RFC 4475 where one is named.

All are for nobody (no route), so that what is in good order, however odd, is answered 404 and no call begins.
"""
import os

BAD = {400}
REFUSED = {400, 404}
DROPPED = {None}


def edit(data, old, new):
    assert old in data, old
    return data.replace(old, new, 1)


def answered(raw):
    """(name, message, the codes that are right; None: no answer at all)."""
    def invite(**values):
        return raw.request("INVITE", user="nobody", **values)

    here = f"127.0.0.1:{raw.port}"
    sdp = "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
    body = {"headers": ["Content-Type: application/sdp"], "body": sdp}
    call = f"torture-{os.getpid()}-{raw.port}"
    folded = "\r\n".join([
        f"INVITE sip:nobody@{here};unknownparam SIP/2.0",
        f"TO :\r\n sip:nobody@{here} ;   newparam", "Max-fOrwaRDs: 0068",
        f"fROM : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = {call}",
        f"i: {call}-folded",
        "cSeq: 0009\r\n  INVITE", f"V : SIP  / 2.0\r\n /UDP\r\n    {here};branch =z9hG4bK-{call}-folded ; rport",
        "s :", "NewFangledHeader:   newfangled value\r\n continued newfangled value", "c: application/sdp",
        "m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n     value ;\r\n  second ; q = 0.33",
        f"l: {len(sdp)}", "", sdp]).encode()
    return [
        # In good order, if odd: not malformed.
        ("white space, folding, short names, any case (wsinv)", folded, {404}),
        ("escapes in the user (esc01)", edit(invite(), b"sip:nobody@", b"sip:no%62ody%20%40@"), {404}),
        ("a method of odd characters (intmeth)", raw.request("!odd-Method0123456789_*.%indeed'~"), {501}),
        ("a method with + or ` in it", raw.request("PLUS+`"), {501}),
        ("a second request behind the first (dblreq)", raw.request("OPTIONS") + invite(), {200}),
        ("headers long and many (longreq)", invite(headers=["X-Long: " + "long " * 1500] + ["X-Many: 1"] * 40), {404}),
        ("a display name without white space (lwsdisp)", invite(From=f"caller<sip:caller@{here}>;tag={call}"), {404}),
        ("a branch that is only the cookie (badbranch)", invite(Via=f"SIP/2.0/UDP {here};branch=z9hG4bK"), {404}),
        ("no branch at all (inv2543)", invite(Via=f"SIP/2.0/UDP {here}"), {404}),
        ("a body of unknown type (invut)", invite(headers=["Content-Type: application/unknowntype"], body="<q/>"),
         {404, 415}),
        ("bytes beyond Content-Length", invite(**body) + b"trailing octets", {404}),
        ("unknown parameters everywhere (cparam)", invite(To=f"<sip:nobody@{here};unknown>;unknownparam=x"), {404}),
        # Malformed, but one knows whom to tell.
        ("less body than Content-Length (clerr)", invite(Content_Length="9999", **body), BAD),
        ("Content-Length below zero (ncl)", invite(Content_Length="-999", **body), BAD),
        ("Content-Length that is no number", invite(Content_Length="many", **body), BAD),
        ("two Content-Lengths (mcl01)", invite(headers=["Content-Length: 13", *body["headers"]], body=sdp), BAD),
        ("CSeq beyond 32 bits (scalar02)", invite(CSeq="36893488147419103232 INVITE"), BAD),
        ("CSeq that is no number", invite(CSeq="one INVITE"), BAD),
        ("CSeq of another method (mismatch01)", invite(CSeq="1 OPTIONS"), BAD),
        ("CSeq of another unknown method (mismatch02)", raw.request("NEWMETHOD", CSeq="1 INVITE"), {400, 501}),
        ("a quote not closed in To (quotbal)", invite(To=f'"Mr. J. User <sip:j.user@{here}>'), BAD),
        ("the request-URI in angle brackets (ltgtruri)", edit(invite(), b"sip:nobody@%s SIP" % _target(raw),
                                                             b"<sip:nobody@%s> SIP" % _target(raw)), BAD),
        ("white space in the request-URI (lwsruri)", edit(invite(), b" SIP/2.0", b"; lr SIP/2.0"), BAD),
        ("no From (insuf)", invite(without=["From"]), BAD | DROPPED),
        ("no To (insuf)", invite(without=["To"]), BAD | DROPPED),
        ("no CSeq", invite(without=["CSeq"]), BAD | DROPPED),
        ("two From, two To, two Call-ID, two CSeq (multi01)", invite(headers=[
            f"From: <sip:other@{here}>;tag=2", f"To: <sip:other@{here}>", "Call-ID: other", "CSeq: 2 INVITE"]), BAD),
        # Refused, by whoever reads it strictly or loosely.
        ("no From-tag", invite(From=f"<sip:raw@{here}>"), REFUSED),
        ("no Contact in INVITE", invite(without=["Contact"]), REFUSED),
        ("separators left over (badinv01)", invite(Contact=f'"Joe" <sip:joe@{here}>;;;;'), REFUSED),
        ("Max-Forwards beyond 255", invite(Max_Forwards="300"), REFUSED),
        ("Max-Forwards below zero", invite(Max_Forwards="-1"), REFUSED | {483}),
        ("two spaces in the request line (lwsstart)", edit(invite(), b"INVITE ", b"INVITE  "), REFUSED | DROPPED),
        ("white space behind the request line (trws)", edit(invite(), b"SIP/2.0\r\n", b"SIP/2.0  \r\n"),
         REFUSED | DROPPED),
        ("headers escaped in the request-URI (escruri)", edit(invite(), b" SIP/2.0", b"?Route=%3Csip:a.b%3E SIP/2.0"),
         REFUSED),
        ("a broken address in From (badaspec)", invite(From=f'"Bell, Alexander" <sip:a.g.bell@{here};tag=43'), REFUSED),
        ("a display name with a comma (baddn)", invite(To=f"Watson, Thomas <sip:nobody@{here}>"), REFUSED),
        ("a date out of this world (baddate)", invite(headers=["Date: Fri, 01 Jan 2010 16:00:00 EST"]), REFUSED),
        ("an unknown scheme (unkscm)", edit(invite(), b"sip:nobody@", b"nobodyKnowsThisScheme:nobody@"),
         REFUSED | {416}),
        ("another version (badvers)", edit(invite(), b" SIP/2.0\r\n", b" SIP/7.0\r\n"), {400, 505, None}),
        ("a hundred Vias", invite(headers=["Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-more"] * 100), REFUSED),
        ("ten thousand headers", invite(headers=["X: y"] * 10000), REFUSED | {413, 513, None}),
        ("a request-URI of 20 000 characters", edit(invite(), b"sip:nobody@", b"sip:" + b"n" * 20000 + b"@"),
         REFUSED | {414, 413, 513, None}),
        ("NUL in a header", invite(headers=["Subject: a\0b"]), REFUSED | DROPPED),
        ("no Call-ID (insuf)", invite(without=["Call-ID"]), BAD | DROPPED),
        ("bytes that are not UTF-8", edit(invite(headers=["Subject: x"]), b"Subject: x", b"Subject: \xff\xfe\xc0\x80"),
         REFUSED),
    ]


def _target(raw):
    return f"127.0.0.1:{raw.tandemd_port}".encode()


def dropped(raw):
    """(name, bytes) of what gets no answer."""
    here = f"127.0.0.1:{raw.port}"
    options = raw.request("OPTIONS")
    rest = (f"Via: SIP/2.0/UDP {here};branch=z9hG4bK-stray\r\nFrom: <sip:a@{here}>;tag=1\r\n"
            f"To: <sip:b@{here}>;tag=2\r\nCall-ID: stray-{raw.port}\r\n")
    return [
        ("random bytes", bytes((i * 167 + 13) % 256 for i in range(400))),
        ("one byte", b"\0"),
        ("zeros", bytes(2000)),
        ("keep-alive", b"\r\n\r\n"),
        ("HTTP", f"GET / HTTP/1.1\r\nHost: {here}\r\n\r\n".encode()),
        ("STUN", bytes.fromhex("000100002112a442") + b"0123456789ab"),
        ("the request line alone", options.split(b"\r\n")[0]),
        ("cut off within Via", options[:options.index(b"rport")]),
        ("no Via", raw.request("OPTIONS", without=["Via"])),
        ("a Via that is none", raw.request("OPTIONS", Via="nonsense")),
        ("a stray 200 to INVITE", f"SIP/2.0 200 OK\r\n{rest}CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n".encode()),
        ("a response code beyond reason (bigcode)",
         f"SIP/2.0 4294967301 better not break\r\n{rest}CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n".encode()),
        ("a response of large numbers (scalarlg)",
         f"SIP/2.0 503 Full\r\n{rest}CSeq: 9292394834772304023312 OPTIONS\r\n"
         "Retry-After: 949302838503028349304023988\r\nWarning: 1812 overture\r\nContent-Length: 0\r\n\r\n".encode()),
        ("a stray ACK", raw.request("ACK")),
        ("a stray ACK within no dialog", raw.request("ACK", To=f"<sip:bob@{here}>;tag=none")),
        ("a malformed ACK", raw.request("ACK", CSeq="x ACK")),
    ]


def torture(raw):
    """All of the above as bytes."""
    return [message for _, message, _ in answered(raw)] + [message for _, message in dropped(raw)]


def garbage(noise, message, count):
    """Random bytes, the message cut off, and the message with bytes changed."""
    for index in range(count):
        if index % 4 == 0:
            yield noise.randbytes(noise.randrange(1, 1500))
        elif index % 4 == 1:
            yield message[:noise.randrange(1, len(message))]
        else:
            changed = bytearray(message)
            for _ in range(noise.randrange(1, 12)):
                changed[noise.randrange(len(changed))] = noise.randrange(256)
            yield bytes(changed)
