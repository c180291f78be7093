//! A gigabyte either way, in memory that stays as it is.

use crate::{
    service::Service,
    world::{World, empty, text},
};
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use std::{convert::Infallible, fs};

static MEGABYTE: [u8; 1 << 20] = [0; 1 << 20];
const COUNT: usize = 1024;
/// By how much memory may grow meanwhile, kB: client, gateway and service, which are one process here.
const MOST: u64 = 64 << 10;

/// The most memory that the process had so far, and has now: kB.
fn memory() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    };
    (of("VmHWM:"), of("VmRSS:"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_flows_either_way_and_memory_stays_as_it_is() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:*"], |_| {}).await;
    let down = async |megabytes: usize| {
        let request = world.asks("GET", &format!("/api/large?megabytes={megabytes}")).body(empty()).unwrap();
        let (mut body, mut count) = (world.send(request).await.into_body(), 0);
        while let Some(frame) = body.frame().await {
            count += frame.unwrap().data_ref().map_or(0, Bytes::len);
        }
        count
    };
    let up = async |megabytes: usize| {
        let pieces = (0..megabytes).map(|_| Ok::<_, Infallible>(Frame::data(Bytes::from_static(&MEGABYTE))));
        let request = world.asks("POST", "/api/count").header("content-length", megabytes << 20);
        text(world.send(request.body(StreamBody::new(stream::iter(pieces))).unwrap()).await).await
    };
    // Once, so that what is made once is there.
    assert_eq!((down(8).await, up(8).await), (8 << 20, (8 << 20).to_string()));
    let (_, before) = memory();
    assert_eq!(down(COUNT).await, COUNT << 20);
    let (most, _) = memory();
    assert!(most - before < MOST, "a response: {before} kB before, {most} kB at most");
    println!("a response of a gigabyte: {before} kB before, {most} kB at most");
    assert_eq!(up(COUNT).await, (COUNT << 20).to_string());
    let (most, _) = memory();
    assert!(most - before < MOST, "a request: {before} kB before, {most} kB at most");
    println!("a request of a gigabyte: {before} kB before, {most} kB at most");
}
