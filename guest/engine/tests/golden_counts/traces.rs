//! Traces made from a seed, the same everywhere: whole numbers only.

/// Requests in a trace.
const LEN: usize = 20_000;

/// What is asked for, and how large it is. Only in `sizes` the same key may come with another size.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    pub key: u64,
    pub size: u32,
}

pub type Make = fn() -> Vec<Request>;

pub const TRACES: [(&str, Make); 6] =
    [("zipf", zipf), ("loop", a_loop), ("scan", scan), ("drift", drift), ("mixed", mixed), ("sizes", sizes)];

/// SplitMix64.
struct Random(u64);

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        ((u128::from(mix(self.0)) * u128::from(limit)) >> 64) as u64
    }
}

/// Ranks from 0 on, each asked for in inverse proportion to its place.
struct Zipf(Vec<u64>);

impl Zipf {
    fn new(keys: u64) -> Self {
        let weights = (1..=keys).map(|place| 1_000_000_000 / place);
        Self(
            weights
                .scan(0, |sum, weight| {
                    *sum += weight;
                    Some(*sum)
                })
                .collect(),
        )
    }

    fn draw(&self, random: &mut Random) -> u64 {
        let all = self.0.last().copied().unwrap_or(1);
        let at = random.below(all);
        self.0.partition_point(|&sum| sum <= at) as u64
    }
}

/// From 100 bytes to some 13 KB, the small ones as frequent as the large ones.
fn request(key: u64) -> Request {
    let hash = mix(key ^ 0x5EED);
    Request { key, size: (100 << (hash % 8)) as u32 + (hash >> 32) as u32 % 100 }
}

fn requests(keys: impl Iterator<Item = u64>) -> Vec<Request> {
    keys.take(LEN).map(request).collect()
}

/// Some keys much more often than others, for ever.
fn zipf() -> Vec<Request> {
    let (mut random, ranks) = (Random(1), Zipf::new(2_000));
    requests(std::iter::repeat_with(move || ranks.draw(&mut random)))
}

/// The same keys in the same order, over and over.
fn a_loop() -> Vec<Request> {
    requests((0..500).cycle())
}

/// Popular keys, and every now and then many that come once.
fn scan() -> Vec<Request> {
    let (mut random, ranks) = (Random(3), Zipf::new(500));
    requests((0..).map(move |turn: u64| match turn % 1_000 {
        0..400 => 1_000_000 + turn,
        _ => ranks.draw(&mut random),
    }))
}

/// What is popular changes all the time.
fn drift() -> Vec<Request> {
    let (mut random, ranks) = (Random(4), Zipf::new(1_000));
    requests((0..).map(move |turn: u64| turn / 20 + ranks.draw(&mut random)))
}

/// Two thousand requests each of: some popular, a loop, all new, the last fifty, changing.
fn mixed() -> Vec<Request> {
    let (mut random, ranks) = (Random(5), Zipf::new(1_000));
    let mut lately: Vec<u64> = vec![0];
    requests((0..).map(move |turn: u64| {
        let key = match turn / 2_000 % 5 {
            0 => ranks.draw(&mut random),
            1 => 10_000 + turn % 300,
            2 => 1_000_000 + turn,
            3 if random.below(10) > 0 => lately[lately.len() - 1 - random.below(lately.len().min(50) as u64) as usize],
            3 => 20_000 + turn,
            _ => turn / 10 + ranks.draw(&mut random),
        };
        lately.push(key);
        key
    }))
}

/// As `zipf`, but sizes change every twenty requests.
fn sizes() -> Vec<Request> {
    let mut trace = zipf();
    for (turn, request) in trace.iter_mut().enumerate() {
        request.size = self::request(request.key + 10_000 * (turn as u64 / 20 % 7)).size;
    }
    trace
}
